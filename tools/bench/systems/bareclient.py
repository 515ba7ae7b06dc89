"""The bare client, a process of its own: POSTs a sweep's Jobs and pods as fast as the API server takes them.

It has no watch, no cache, no state and writes no status: whatever makes the same objects has to do at least this.
Commands are JSON lines on standard input, answers on standard output.
"""

import asyncio
import gc
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import aiohttp
import msgspec
import uvloop
from simjob.api.simulationjob import SimulationJob
from simjob.core.children import jobandpod

from bench import connection
from bench.report.timeline import Key
from bench.shape import Shape
from bench.systems import simjob

AGENT = "simjob-bench-bare"
MANAGED_BY = "bench.simjob.dev/bare"
_UID = "00000000-0000-0000-0000-000000000000"
_JSON = {"Content-Type": connection.JSON}


class Command(msgspec.Struct):
    """What to do: `prepare`, `create`, `pods` (pods without Jobs, on `nodes` if there are any) or `cancel`."""

    do: str
    key: Key
    shape: Shape
    concurrency: int
    nodes: int = 0


class Answer(msgspec.Struct):
    """When the first request was sent and the last one answered; how many were refused for good."""

    started: float
    ended: float
    refused: int


class _Meta(msgspec.Struct):
    uid: str


class _Made(msgspec.Struct):
    metadata: _Meta


_MADE = msgspec.json.Decoder(_Made)


class Bodies:
    """The same Jobs and pods as the operator's, rendered by its own code before the clock starts.

    Another manager, no SimulationJob as owner; the pod has a place for the uid that its Job is going to have.
    """

    def __init__(self, key: Key, shape: Shape) -> None:
        raw = simjob.manifest(key, shape)
        job = SimulationJob.model_validate(
            {**raw, "metadata": {"name": key.name, "namespace": key.namespace, "uid": _UID}}
        )
        made = job.spec.template.to_api(as_given=True)
        self.jobs: list[tuple[str, bytes]] = []
        self.pods: list[tuple[str, bytes]] = []
        for index in range(shape.cases):
            body = msgspec.json.decode(jobandpod.render_job(job, made, job.spec.case(index), 0))
            del body["metadata"]["ownerReferences"]
            body["spec"]["managedBy"] = MANAGED_BY
            name = body["metadata"]["name"]
            self.jobs.append((name, msgspec.json.encode(body)))
            self.pods.append((f"{name}-0", msgspec.json.encode(_pod(key, name, body["spec"]["template"]))))


def _pod(key: Key, job: str, made: dict[str, dict[str, dict[str, str]]]) -> dict[str, object]:
    labels = {
        **made["metadata"]["labels"],
        "batch.kubernetes.io/controller-uid": _UID,
        "controller-uid": _UID,
        "batch.kubernetes.io/job-name": job,
        "job-name": job,
    }
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": job, "uid": _UID, "controller": True}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"{job}-0",
            "namespace": key.namespace,
            "labels": labels,
            "annotations": made["metadata"]["annotations"],
            "ownerReferences": [{**owner, "blockOwnerDeletion": True}],
        },
        "spec": made["spec"],
    }


class Client:
    """Sends requests with limited concurrency."""

    def __init__(self, http: aiohttp.ClientSession) -> None:
        self._http = http
        self._bodies: dict[Key, Bodies] = {}
        self._refused = 0

    async def obey(self, command: Command) -> Answer:
        """Do it; the answer comes when all is done."""
        key = command.key
        if command.do == "prepare":
            self._bodies[key] = Bodies(key, command.shape)
            gc.collect()
            gc.freeze()
        self._refused, started = 0, time.monotonic()
        bodies = self._bodies[key]
        jobs = f"/apis/batch/v1/namespaces/{key.namespace}/jobs"
        pods = f"/api/v1/namespaces/{key.namespace}/pods"
        indexes = range(len(bodies.jobs))
        if command.do == "create":
            await self._each(command.concurrency, iter(indexes), lambda index: self._create(jobs, pods, bodies, index))
        elif command.do == "pods":
            loose = [_loose(body, index, command.nodes) for index, (_, body) in enumerate(bodies.pods)]
            await self._each(command.concurrency, iter(indexes), lambda index: self._post(pods, loose[index]))
        elif command.do == "cancel":
            urls = [f"{pods}/{name}" for name, _ in bodies.pods]
            await self._each(command.concurrency, iter(indexes), lambda index: self._delete(urls[index]))
            urls = [f"{jobs}/{name}" for name, _ in bodies.jobs]
            await self._each(command.concurrency, iter(indexes), lambda index: self._delete(urls[index]))
        return Answer(started, time.monotonic(), self._refused)

    async def _create(self, jobs: str, pods: str, bodies: Bodies, index: int) -> None:
        answer = await self._post(jobs, bodies.jobs[index][1])
        if answer:
            uid = _MADE.decode(answer).metadata.uid
            await self._post(pods, bodies.pods[index][1].replace(_UID.encode(), uid.encode()))

    async def _post(self, path: str, body: bytes) -> bytes:
        return await self._send("POST", path, body)

    async def _delete(self, path: str) -> None:
        await self._send("DELETE", path, b'{"propagationPolicy":"Background"}')

    async def _send(self, method: str, path: str, body: bytes) -> bytes:
        while True:
            async with self._http.request(method, path, data=body, headers=_JSON) as answer:
                content = await answer.read()
                if answer.status < 400:
                    return content
                if answer.status != 429:
                    self._refused += method == "POST" or answer.status != 404
                    return b""
                pause = float(answer.headers.get("Retry-After", "1"))
            await asyncio.sleep(pause)

    async def _each(self, width: int, left: Iterator[int], work: Callable[[int], Awaitable[object]]) -> None:
        async def worker() -> None:
            for index in left:
                await work(index)

        await asyncio.gather(*(worker() for _ in range(width)))


def _loose(body: bytes, index: int, nodes: int) -> bytes:
    """Give a pod without its Job; with `nodes` it is bound to one, so that the scheduler has no part in it."""
    found = msgspec.json.decode(body)
    del found["metadata"]["ownerReferences"]
    if nodes:
        found["spec"]["nodeName"] = f"kwok-{index % nodes}"
    return msgspec.json.encode(found)


async def _run(kubeconfig: Path) -> None:
    reader = asyncio.StreamReader(limit=2**20)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    async with connection.session(kubeconfig, AGENT) as http:
        client = Client(http)
        while line := await reader.readline():
            answer = await client.obey(msgspec.json.decode(line, type=Command))
            sys.stdout.buffer.write(msgspec.json.encode(answer) + b"\n")
            sys.stdout.buffer.flush()


def main() -> None:
    """Serve commands until standard input ends: `python -m bench.systems.bareclient KUBECONFIG`."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_run(Path(sys.argv[1])))


if __name__ == "__main__":
    main()
