import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from aiohttp import web
from given.builders import a_job_dict
from simjob.api import names
from simjob.runtime.client.connection import Connection
from simjob.runtime.client.credentials import Credentials
from simjob.runtime.client.requestbudget import Budget
from simjob.runtime.watching import kopfhandlers

CRD = "customresourcedefinitions"


class Notes:
    """A sink that records what it gets."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.changed = asyncio.Event()
        self.troubles = 0

    def troubled(self) -> None:
        self.troubles += 1

    def seen(self, raw: dict[str, Any]) -> None:
        self._note(f"{raw['metadata']['name']}@{raw['metadata']['resourceVersion']}")

    def deleted(self, raw: dict[str, Any]) -> None:
        self._note(f"-{raw['metadata']['name']}")

    def _note(self, line: str) -> None:
        self.lines.append(line)
        self.changed.set()

    async def end_with(self, line: str) -> None:
        async with asyncio.timeout(15):
            while self.lines[-1:] != [line]:
                self.changed.clear()
                await self.changed.wait()

    async def have(self, *lines: str) -> None:
        async with asyncio.timeout(10):
            while self.lines != list(lines):
                self.changed.clear()
                await self.changed.wait()


class Api:
    """The part of an API server that kopf uses. The test puts events into the open watch."""

    def __init__(self) -> None:
        self.installed = True
        self.objects: list[dict[str, Any]] = []
        self.events: asyncio.Queue[dict[str, Any] | bytes] = asyncio.Queue()
        self.refuses: int | None = None
        self.refused = asyncio.Event()
        self.writes: list[str] = []
        self.paths: set[str] = set()
        self.asked = asyncio.Event()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.paths.add(request.path)
        self.asked.set()
        if request.method != "GET":
            self.writes.append(f"{request.method} {request.path}")
        if request.headers.get("Authorization") != "Bearer token":
            return web.Response(status=401)
        if self.refuses:
            self.refused.set()
            return web.Response(status=self.refuses)
        if request.query.get("watch"):
            return await self._watch(request)
        found = self._discovery().get(request.path)
        if found is None and request.path.endswith(names.PLURAL):
            found = {"metadata": {"resourceVersion": "10"}, "items": self.objects}
        return web.json_response(found or {}, status=404 if found is None else 200)

    async def _watch(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            event = await self.events.get()
            if isinstance(event, bytes):
                # The watch ends after this part of a line.
                await response.write(event)
                return response
            await response.write(msgspec.json.encode(event) + b"\n")

    def _discovery(self) -> dict[str, Any]:
        groups = ["apiextensions.k8s.io/v1", *([names.API_VERSION] if self.installed else [])]
        found: dict[str, Any] = {
            "/api": {"versions": ["v1"]},
            "/api/v1": {"resources": [a_kind("Namespace", "namespaces"), a_kind("Event", "events")]},
            "/apis": {"groups": [a_group(*group.split("/")) for group in groups]},
            "/apis/apiextensions.k8s.io/v1": {"resources": [a_kind("CustomResourceDefinition", CRD)]},
        }
        if self.installed:
            found[f"/apis/{names.API_VERSION}"] = {"resources": [a_kind(names.KIND, names.PLURAL)]}
        return found


def a_group(name: str, version: str) -> dict[str, Any]:
    versions = {"groupVersion": f"{name}/{version}", "version": version}
    return {"name": name, "versions": [versions], "preferredVersion": versions}


def a_kind(kind: str, plural: str) -> dict[str, Any]:
    verbs = ["get", "list", "watch", "patch"]
    return {"name": plural, "singularName": kind.lower(), "kind": kind, "namespaced": True, "verbs": verbs}


def a_sweep(version: int) -> dict[str, Any]:
    return a_job_dict(metadata={"resourceVersion": str(version)})


@pytest.fixture
async def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Api]:
    api = Api()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", api.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.01)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    config = {
        "current-context": "it",
        "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
        "clusters": [{"name": "it", "cluster": {"server": f"http://127.0.0.1:{runner.addresses[0][1]}"}}],
        "users": [{"name": "it", "user": {"token": "token"}}],
    }
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(config))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    yield api
    await runner.cleanup()


class Watch:
    """kopf while it runs."""

    def __init__(self, task: asyncio.Task[None], notes: Notes, stop: asyncio.Event, ready: asyncio.Event) -> None:
        self.task = task
        self.notes = notes
        self.stop = stop
        self.ready = ready


@asynccontextmanager
async def watching(*namespaces: str) -> AsyncIterator[Watch]:
    credentials = await Credentials.load()
    async with credentials.session("test") as session:
        connection = Connection(session, credentials.host, Budget(8))
        notes, stop, ready = Notes(), asyncio.Event(), asyncio.Event()
        task = asyncio.create_task(
            kopfhandlers.watch(
                credentials,
                connection,
                namespaces,
                notes,
                ready=ready.set,
                troubled=notes.troubled,
                stop=stop,
                jitter=lambda: 0.9,
            )
        )
        try:
            yield Watch(task, notes, stop, ready)
        finally:
            stop.set()
            await asyncio.gather(task, return_exceptions=True)


async def test_existing_objects_and_changes_are_passed_on(api: Api) -> None:
    api.objects.append(a_sweep(5))
    async with watching() as watch:
        await watch.notes.have("sweep@5")
        await api.events.put({"type": "MODIFIED", "object": a_sweep(11)})
        await api.events.put({"type": "DELETED", "object": a_sweep(12)})
        await watch.notes.have("sweep@5", "sweep@11", "-sweep")


async def test_nothing_is_written_to_the_cluster(api: Api) -> None:
    api.objects.append(a_sweep(5))
    async with watching() as watch:
        await watch.notes.have("sweep@5")
        await api.events.put({"type": "MODIFIED", "object": a_sweep(11)})
        await watch.notes.have("sweep@5", "sweep@11")
    assert api.writes == []


async def test_watching_one_namespace_reads_no_other(api: Api) -> None:
    api.objects.append(a_sweep(5))
    async with watching("default") as watch:
        await watch.notes.have("sweep@5")
    assert f"/apis/{names.API_VERSION}/namespaces/default/{names.PLURAL}" in api.paths
    assert f"/apis/{names.API_VERSION}/{names.PLURAL}" not in api.paths


async def test_kopf_stops_on_request(api: Api) -> None:
    async with watching() as watch:
        await watch.ready.wait()
        watch.stop.set()
        async with asyncio.timeout(1):
            await watch.task


TROUBLE: list[dict[str, Any] | bytes] = [
    {"type": "ERROR", "object": {"code": 500, "message": "etcd"}},
    {"type": "ERROR", "object": {"code": 410, "message": "too old"}},
    b'{"type": "MODIF',
]


@pytest.mark.parametrize(
    "line", TROUBLE, ids=["an error of the server", "an expired version", "a line that is cut off"]
)
async def test_a_watch_that_breaks_is_followed_by_another(api: Api, line: dict[str, Any] | bytes) -> None:
    api.objects.append(a_sweep(5))
    async with watching() as watch:
        await watch.notes.have("sweep@5")
        api.objects[0] = a_sweep(7)
        await api.events.put(line)
        if isinstance(line, dict):
            await api.events.put(b"")
        await watch.notes.have("sweep@5", "sweep@7")
        await api.events.put({"type": "MODIFIED", "object": a_sweep(11)})
        await watch.notes.have("sweep@5", "sweep@7", "sweep@11")
        assert not watch.task.done()


@pytest.mark.parametrize(
    "status",
    [
        pytest.param(500, id="a server error"),
        pytest.param(503, id="an unavailable server"),
        pytest.param(403, id="a missing permission"),
        pytest.param(429, id="too many requests"),
        pytest.param(404, id="a missing route"),
        pytest.param(410, id="an expired version"),
        pytest.param(401, id="an expired token"),
    ],
)
async def test_refused_requests_do_not_stop_kopf(api: Api, status: int) -> None:
    api.objects.append(a_sweep(5))
    async with watching() as watch:
        await watch.notes.have("sweep@5")
        api.refuses = status
        api.objects[0] = a_sweep(7)
        await api.events.put(b"")
        await api.refused.wait()
        await asyncio.sleep(0.5)
        assert watch.notes.troubles
        api.refuses = None
        await api.events.put({"type": "MODIFIED", "object": a_sweep(11)})
        await watch.notes.end_with("sweep@11")
        assert not watch.task.done()


async def test_a_restarted_kopf_can_be_stopped(api: Api) -> None:
    api.objects.append(a_sweep(5))
    async with watching() as watch:
        await watch.notes.have("sweep@5")
        api.objects[0] = a_sweep(7)
        await api.events.put(TROUBLE[0])
        await api.events.put(b"")
        await watch.notes.have("sweep@5", "sweep@7")
        watch.stop.set()
        async with asyncio.timeout(2):
            await watch.task


async def test_without_the_crd_kopf_waits_and_can_be_stopped(api: Api) -> None:
    api.installed = False
    async with watching() as watch:
        await api.asked.wait()
        assert not watch.ready.is_set()
        watch.stop.set()
        async with asyncio.timeout(1):
            await watch.task
