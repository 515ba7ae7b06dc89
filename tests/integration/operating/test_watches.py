"""The parts that watch and elect, against a real API server that can be cut off."""

import asyncio
from collections.abc import AsyncIterator, Set
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from contract.worlds import RealWorld
from simjob.api import names, simulationjob
from simjob.api.simulationjob import SimulationJob
from simjob.core.children import jobandpod
from simjob.core.facts.apiobjects import Job
from simjob.runtime.client import errors
from simjob.runtime.client.connection import Connection
from simjob.runtime.client.credentials import Credentials
from simjob.runtime.client.requestbudget import Budget
from simjob.runtime.cluster.apiserver import simulationjobs
from simjob.runtime.process.leaderelection import Elector
from simjob.runtime.process.settings import Settings
from simjob.runtime.watching import informer, kopfhandlers
from simjob.runtime.watching.informer import Informer
from simjob.runtime.watching.resync import Resync

pytestmark = pytest.mark.integration


class Notes:
    """What a sink got, line by line. Tests can wait for a line."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._changed = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()

    def note(self, line: str) -> None:
        self.lines.append(line)
        task = asyncio.create_task(self._notify())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def have(self, line: str, seconds: float = 30) -> None:
        async with asyncio.timeout(seconds), self._changed:
            await self._changed.wait_for(lambda: line in self.lines)

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()


class Jobs(Notes):
    """A sink of Jobs."""

    def upsert(self, obj: Job) -> None:
        self.note(obj.metadata.name)

    def delete(self, obj: Job) -> None:
        self.note(f"-{obj.metadata.name}")

    def listed(self, uids: Set[str], version: int) -> None:
        """What is not listed is deleted, which is noted."""


class Sweeps(Notes):
    """A sink of SimulationJobs."""

    def seen(self, raw: dict[str, Any]) -> None:
        meta = raw["metadata"]
        self.note(f"{meta['name']} cancel" if raw["spec"].get("cancel") else meta["name"])

    def deleted(self, raw: dict[str, Any]) -> None:
        self.note(f"-{raw['metadata']['name']}")


class Cable:
    """A TCP connection to the API server that can be cut and restored."""

    def __init__(self, host: str, port: int) -> None:
        self._target = host, port
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self.port = 0

    async def mend(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def cut(self) -> None:
        assert self._server
        self._server.close()
        for writer in self._open:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(*self._target)
        self._open |= {writer, far_writer}
        await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer), return_exceptions=True)
        self._open -= {writer, far_writer}


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


@pytest.fixture
async def world(kubeconfig: Path) -> AsyncIterator[RealWorld]:
    async with RealWorld.open(kubeconfig) as world:
        yield world


@pytest.fixture
async def token(world: RealWorld) -> str:
    """A service account's token; it may do everything."""
    account = f"/api/v1/namespaces/{world.namespace}/serviceaccounts"
    await _post(world, account, {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "operator"}})
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": world.namespace},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "ServiceAccount", "name": "operator", "namespace": world.namespace}],
    }
    await _post(world, "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", binding)
    wish = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 600}}
    made = await _post(world, f"{account}/operator/token", wish)
    found: str = made["status"]["token"]
    return found


async def _post(world: RealWorld, path: str, body: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = msgspec.json.decode(
        await world.connection.request("POST", path, body=msgspec.json.encode(body))
    )
    return made


@pytest.fixture
async def cable(kubeconfig: Path, token: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Cable]:
    """The only way to the API server from here on, for those who log in by the token."""
    cluster = cluster_of(kubeconfig)
    host, port = cluster["server"].removeprefix("https://").rsplit(":", 1)
    cable = Cable(host, int(port))
    await cable.mend()
    config = {
        "current-context": "it",
        "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
        "clusters": [{"name": "it", "cluster": {**cluster, "server": f"https://127.0.0.1:{cable.port}"}}],
        "users": [{"name": "it", "user": {"token": token}}],
    }
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(config))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    yield cable
    cable.cut()


def cluster_of(kubeconfig: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(kubeconfig.read_text())["clusters"][0]["cluster"]
    return found


@asynccontextmanager
async def at_work(*parts: Any) -> AsyncIterator[list[asyncio.Task[None]]]:
    tasks = [asyncio.create_task(part) for part in parts]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def make_job(world: RealWorld, sweep: SimulationJob, index: int) -> tuple[str, str]:
    body = jobandpod.render_job(sweep, sweep.spec.template.to_api(as_given=True), sweep.spec.case(index), 0)
    fact = (await world.cluster.create_job(world.namespace, body)).fact
    return fact.name, fact.uid


async def test_an_informer_catches_up_after_a_lost_connection(world: RealWorld, cable: Cable) -> None:
    sweep = simulationjob.parse(await world.make_simulationjob())
    assert isinstance(sweep, SimulationJob)
    stays, goes = await make_job(world, sweep, 0), await make_job(world, sweep, 1)
    credentials = await Credentials.load()
    jobs = Jobs()
    async with Connection.open(credentials, Budget(16)) as connection:
        watched: Informer[Job] = Informer(connection, informer.path(informer.JOBS, world.namespace), Job, jobs)
        async with at_work(watched.run()):
            await watched.synced.wait()
            assert {stays[0], goes[0]} == set(jobs.lines)
            cable.cut()
            await world.cluster.delete_job(world.namespace, *goes)
            comes = await make_job(world, sweep, 2)
            await cable.mend()
            await jobs.have(comes[0])
            await jobs.have(f"-{goes[0]}")
            await world.cluster.delete_job(world.namespace, *stays)
            await jobs.have(f"-{stays[0]}")


async def test_kopf_sees_a_cancel_after_a_lost_connection(world: RealWorld, cable: Cable) -> None:
    raw = await world.make_simulationjob()
    name = raw["metadata"]["name"]
    credentials = await Credentials.load()
    sweeps, stop = Sweeps(), asyncio.Event()
    async with Connection.open(credentials, Budget(16)) as connection:
        resync = Resync(connection, world.cluster, sweeps, (world.namespace,), 300)
        kopf = kopfhandlers.watch(
            credentials,
            connection,
            (world.namespace,),
            resync,
            ready=lambda: None,
            troubled=resync.troubled,
            stop=stop,
        )
        async with at_work(resync.run(), kopf):
            await resync.synced.wait()
            assert sweeps.lines == [name]
            cable.cut()
            await world.cancel(raw)
            await cable.mend()
            await sweeps.have(f"{name} cancel")
            await world.connection.request("DELETE", simulationjobs(world.namespace, name))
            await sweeps.have(f"-{name}")
            stop.set()


async def test_a_released_lease_is_taken_by_the_other_replica(world: RealWorld) -> None:
    def an_elector(identity: str) -> Elector:
        # Nobody gets a Lease because it has expired.
        configured = Settings(
            identity=identity, lease_namespace=world.namespace, lease_duration_seconds=600, lease_retry_seconds=0.2
        )
        return Elector(world.connection, configured, lambda: datetime.now(UTC))

    first, second = an_elector("first"), an_elector("second")
    async with at_work(first.run()):
        await first.acquired()
        async with at_work(second.run()):
            await asyncio.sleep(1)
            assert (first.is_leader, second.is_leader) == (True, False)
            await first.release()
            async with asyncio.timeout(30):
                await second.acquired()
            assert (first.is_leader, second.is_leader) == (False, True)
            await second.release()


@pytest.mark.parametrize(
    "path", [f"/apis/{names.GROUP}/v0/namespaces/%s/{names.PLURAL}/sweep", "/apis/batch/v1/namespaces/%s/cases/sweep"]
)
async def test_a_version_that_is_not_served_is_not_mistaken_for_a_missing_object(world: RealWorld, path: str) -> None:
    with pytest.raises(errors.UnavailableError) as caught:
        await world.connection.request("GET", path % world.namespace, repeat=False)
    assert caught.value.code == 404


async def test_a_missing_object_or_namespace_is_recognised(world: RealWorld) -> None:
    for path in (simulationjobs(world.namespace, "gone"), f"/api/v1/namespaces/{world.namespace}/pods/gone"):
        for method in ("GET", "DELETE"):
            with pytest.raises(errors.NotFoundError):
                await world.connection.request(method, path)
    body = msgspec.json.encode({"metadata": {"name": "table"}})
    with pytest.raises(errors.NotFoundError):
        await world.connection.request("POST", "/api/v1/namespaces/gone/configmaps", body=body)
    with pytest.raises(errors.NotFoundError):
        await world.cluster.patch_simulationjob_status(world.namespace, "gone", "1", {"phase": "RUNNING"})
