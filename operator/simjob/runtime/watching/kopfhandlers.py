"""Run kopf, which watches SimulationJobs, and pass each event to a sink. Nothing here decides or writes anything.

All features of kopf that keep state in the object are off: no annotations, no finalizers, no peering, no Events.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Collection, Iterator
from typing import Any, Final, Protocol, cast

import aiohttp
import kopf
import msgspec

from simjob.api import names
from simjob.runtime.client import errors
from simjob.runtime.client.connection import USER_AGENT, Requests
from simjob.runtime.client.credentials import Credentials
from simjob.runtime.watching import envelope
from simjob.runtime.watching.readahead import ReadAhead

# Seconds. If kopf ran for longer than this, it is restarted with a short delay.
_LONG: Final = 60.0
_LONGEST_DELAY: Final = 5.0
_LONGEST_PAUSE: Final = 4.0
_REQUEST_TIMEOUT: Final = 15
_CONNECT_TIMEOUT: Final = 5

_log = logging.getLogger(__name__)


class SimulationJobSink(Protocol):
    """Receives events of SimulationJobs. `raw` is the decoded JSON of the object; do not change it."""

    def seen(self, raw: dict[str, Any]) -> None:
        """Receive the current state of an object that exists."""
        ...

    def deleted(self, raw: dict[str, Any]) -> None:
        """Receive an object that is gone. `raw` has at least metadata.namespace, name and uid."""
        ...


async def watch(
    credentials: Credentials,
    connection: Requests,
    namespaces: Collection[str],
    sink: SimulationJobSink,
    *,
    ready: Callable[[], None],
    troubled: Callable[[], None],
    stop: asyncio.Event,
    jitter: Callable[[], float] = random.random,
) -> None:
    """Run kopf until `stop` is set, and restart it whenever it ends by itself.

    `namespaces`: empty means all.
    `ready`: called after each start of kopf. By then kopf has installed its handlers of SIGINT and SIGTERM, so that the
    caller can install its own again.
    `troubled`: called when a request of kopf has failed and when kopf has ended. It may have missed deletions then.
    """
    await _served(connection, stop)
    loop = asyncio.get_running_loop()
    failures = 0
    while not stop.is_set():
        started = loop.time()
        trouble = await _run(_registry(credentials, sink, troubled), namespaces, ready, stop)
        if stop.is_set():
            return
        failures = 0 if loop.time() - started > _LONG else failures + 1
        delay = min(_LONGEST_DELAY, 2.0**failures) * (1 - jitter() / 2)
        _log.warning("kopf ended; restarting it", extra={"why": repr(trouble), "delay": round(delay, 2)})
        troubled()
        await _unless(stop, delay)


async def _run(
    registry: kopf.OperatorRegistry, namespaces: Collection[str], ready: Callable[[], None], stop: asyncio.Event
) -> Exception | None:
    """Run kopf once; return the exception that ended it, or None."""
    tasks = await kopf.spawn_tasks(
        registry=registry,
        settings=_settings(),
        clusterwide=not namespaces,
        namespaces=tuple(namespaces),
        standalone=True,
        # Only peering uses it, which is off. Without it kopf looks up the user's name, and the image's user has none.
        identity=cast("Any", names.FIELD_MANAGER),
        stop_flag=stop,
    )
    ready()
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        # Do not use kopf.run_tasks: it treats every task of the process as its own, and waits 5 s for them.
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
    return next((result for result in results if isinstance(result, Exception)), None)


async def _served(connection: Requests, stop: asyncio.Event) -> None:
    # kopf's scanning of CRDs is off, so it never finds a kind that does not exist when it starts.
    logged = False
    while not stop.is_set():
        try:
            if await _is_listed(connection):
                return
            trouble = "its CRD is not installed (kubectl apply -k crds), or not established yet"
        except errors.ClusterError as error:
            trouble = error.message
        if not logged:
            _log.warning("waiting for the SimulationJob API", extra={"why": trouble})
        logged = True
        await _unless(stop, 1.0)


async def _is_listed(connection: Requests) -> bool:
    """Return whether kopf will find the kind. It reads the same two responses."""
    groups = msgspec.json.decode(await connection.request("GET", "/apis"))["groups"]
    if names.GROUP not in {group["name"] for group in groups}:
        return False
    try:
        answer = await connection.request("GET", f"/apis/{names.API_VERSION}", repeat=False)
    except errors.ClusterError as trouble:
        if trouble.code == 404:
            return False  # The group exists, but not this version of it.
        raise
    return names.PLURAL in {kind["name"] for kind in msgspec.json.decode(answer)["resources"]}


async def _unless(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return


def _registry(credentials: Credentials, sink: SimulationJobSink, troubled: Callable[[], None]) -> kopf.OperatorRegistry:
    registry = kopf.OperatorRegistry()

    async def heard(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        try:
            response = await handler(request)
        except (aiohttp.ClientError, TimeoutError):
            troubled()
            raise
        if response.status >= 400:
            troubled()
        return response

    # Use a session of ours, which reads rotated tokens for each request. With a token in kopf's own session, kopf would
    # need to know when it expires, and would then break all its watches.
    @kopf.on.login(registry=registry)
    async def login(**_: Any) -> kopf.AiohttpSession:
        limits = aiohttp.ClientTimeout(total=_REQUEST_TIMEOUT, sock_connect=_CONNECT_TIMEOUT)
        middlewares = (ReadAhead(limits), heard)
        session = credentials.session(USER_AGENT, middlewares=middlewares, response_class=envelope.Response)
        return kopf.AiohttpSession(server=credentials.host, aiohttp_session=session)

    @kopf.on.event(names.GROUP, names.VERSION, names.PLURAL, registry=registry)
    async def changed(event: kopf.RawEvent, **_: Any) -> None:
        raw = envelope.opened(cast("dict[str, Any]", event["object"]))
        if event["type"] == "DELETED":
            sink.deleted(raw)
        else:
            sink.seen(raw)

    return registry


class _Endless:
    """The delays between tries of a request, without end: kopf ends after the last try, but an outage can be long."""

    def __iter__(self) -> Iterator[float]:
        """Yield the delays in seconds, 4 at most, so that the watch continues soon after an outage."""
        yield from (0.2, 0.5, 1.0, 2.0)
        while True:
            yield _LONGEST_PAUSE * (1 - random.random() / 4)  # noqa: S311  # Not a secret.


def _settings() -> kopf.OperatorSettings:
    settings = kopf.OperatorSettings()
    settings.scanning.disabled = True
    settings.posting.enabled = False
    settings.persistence.diffbase_storage = _NullDiffBase()
    settings.persistence.progress_storage = _NullProgress()
    settings.persistence.finalizer = f"{names.GROUP}/kopf"
    settings.persistence.consistency_timeout = 0
    # A limit would also count idle workers, and so allow only limit / idle_timeout objects per second.
    settings.queueing.worker_limit = None
    settings.queueing.idle_timeout = 1.0
    settings.queueing.exit_timeout = 1.0
    settings.queueing.error_delays = (1, 2, 5)
    settings.watching.server_timeout = 290
    settings.watching.connect_timeout = 5
    settings.watching.inactivity_timeout = 70
    settings.watching.reconnect_backoff = 1.0
    # A page is one text while it is decoded, and an object can have more than one MiB.
    settings.watching.chunk_size = 20
    settings.networking.request_timeout = _REQUEST_TIMEOUT
    settings.networking.connect_timeout = _CONNECT_TIMEOUT
    settings.networking.error_backoffs = _Endless()
    settings.process.ultimate_exiting_timeout = 20
    return settings


class _NullDiffBase(kopf.DiffBaseStorage):
    """Store nothing about an object, so that kopf neither annotates nor copies it."""

    def build(self, *, body: Any, extra_fields: Any = None) -> Any:
        return {}

    def fetch(self, *, body: Any) -> Any:
        # None would mean that the object was never seen, and kopf would handle its creation.
        return {}

    def store(self, *, body: Any, patch: Any, essence: Any) -> None:
        return


class _NullProgress(kopf.ProgressStorage):
    """Store no progress of handlers: there are none that kopf would have to resume."""

    def fetch(self, *, key: Any, body: Any) -> Any:
        return None

    def store(self, *, key: Any, record: Any, body: Any, patch: Any) -> None:
        return

    def purge(self, *, key: Any, body: Any, patch: Any) -> None:
        return

    def touch(self, *, body: Any, patch: Any, value: Any) -> None:
        return

    def clear(self, *, essence: Any) -> Any:
        return essence
