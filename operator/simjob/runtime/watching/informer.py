"""A cluster's pods or Jobs, reported to a sink as they are and as they change: list, then watch, without end.

It stores no facts and judges none. Whatever goes wrong, it lists again and reports the difference, so that the sink
also hears of what vanished meanwhile; a strange object is left out and logged, never an end.
"""

import asyncio
import logging
import random
import time
from collections.abc import Callable, Iterable, Set
from typing import Final, Generic, Protocol, TypeVar

import msgspec

from simjob.api import names
from simjob.core.facts.apiobjects import Job, Pod
from simjob.runtime.client import errors, listing
from simjob.runtime.client.connection import Requests

JOBS: Final = ("/apis/batch/v1", "jobs")
PODS: Final = ("/api/v1", "pods")

_EVENTS_AT_ONCE: Final = 50
_SERVER_TIMEOUT: Final = "290"
# After an outage of any length the watch goes on about as soon.
_LONGEST_DELAY: Final = 5.0
# A watch that ends sooner than this counts as a failure, else a server that closes at once is asked in a tight loop.
_SHORT: Final = 1.0

_log = logging.getLogger(__name__)

T = TypeVar("T", bound=Pod | Job)
T_contra = TypeVar("T_contra", contravariant=True)


class Sink(Protocol[T_contra]):
    """Where an informer tells what it sees. The calls must be quick: the watch waits for them."""

    def upsert(self, obj: T_contra) -> None:
        """The object is there, and this is its state."""
        ...

    def delete(self, obj: T_contra) -> None:
        """The object is gone; this is the last state that was seen."""
        ...

    def listed(self, uids: Set[str], version: int) -> None:
        """At this resourceVersion there were these objects and no others; all of them have been told."""
        ...


class _Meta(msgspec.Struct, rename="camel"):
    resource_version: str = ""


class _Event(msgspec.Struct, Generic[T]):
    type: str
    object: T


class _AnyEvent(msgspec.Struct):
    type: str
    object: msgspec.Raw


class _Versioned(msgspec.Struct):
    metadata: _Meta


class _Error(msgspec.Struct):
    code: int = 0
    message: str = ""


_ANY_EVENTS: Final = msgspec.json.Decoder(_AnyEvent)
_VERSIONS: Final = msgspec.json.Decoder(_Versioned)


def path(kind: tuple[str, str], namespace: str | None) -> str:
    """Return the collection's path: one namespace's, or the whole cluster's."""
    root, plural = kind
    return f"{root}/namespaces/{namespace}/{plural}" if namespace else f"{root}/{plural}"


class Informer(Generic[T]):
    """One list-and-watch.

    `synced` is set when the sink has heard of everything once. `last_seen` is the monotonic time of the last byte.
    """

    def __init__(
        self,
        connection: Requests,
        path: str,
        kind: type[T],
        sink: Sink[T],
        *,
        selector: str = names.LABEL_UID,
        inactivity: float = 75.0,
        monotonic: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.path = path
        self.synced = asyncio.Event()
        self.last_seen = self._tried = monotonic()
        self._connection = connection
        self._decoder = msgspec.json.Decoder(kind)
        # mypy takes no variable for a type.
        event = _Event[kind]  # type: ignore[valid-type]
        self._event_decoder: msgspec.json.Decoder[_Event[T]] = msgspec.json.Decoder(event)
        self._sink = sink
        self._selector = selector
        self._inactivity = inactivity
        self._monotonic = monotonic
        self._jitter = jitter
        self._known: dict[str, T] = {}
        self._failures = 0
        self._events = 0

    def age(self) -> float:
        """Return how many seconds ago the last byte came or the last try failed: a watch that hangs does neither."""
        return self._monotonic() - max(self.last_seen, self._tried)

    def silence(self) -> float:
        """Return how many seconds ago the last byte came."""
        return self._monotonic() - self.last_seen

    async def run(self) -> None:
        """List and watch until it is cancelled."""
        while True:
            try:
                version = await self._list()
                while True:
                    version = await self._watch(version)
            except (errors.ClusterError, msgspec.DecodeError) as trouble:
                self._failures += 1
                delay = min(_LONGEST_DELAY, 0.2 * 2.0 ** min(self._failures, 10)) * (1 - self._jitter() / 2)
                self._tried = self._monotonic()
                _log.info("listing again", extra={"path": self.path, "why": str(trouble), "delay": round(delay, 2)})
            await asyncio.sleep(delay)

    async def _list(self) -> str:
        """Report to the sink what there is, then what has gone; return the list's resourceVersion."""
        listed: set[str] = set()
        version = ""
        async for page in listing.pages(self._connection, self.path, {"labelSelector": self._selector}):
            self.last_seen = self._monotonic()
            version = page.metadata.resource_version
            for raw in page.items or ():
                obj = self._decode(raw)
                if obj is not None:
                    listed.add(obj.metadata.uid)
                    self._upsert(obj)
                await self._breathe()
        for uid in self._known.keys() - listed:
            self._sink.delete(self._known.pop(uid))
        # The sink may know more than the watch has told, by answers to calls.
        self._sink.listed(listed, int(version or 0))
        self.synced.set()
        return version

    async def _watch(self, version: str) -> str:
        """Report changes to the sink until the server ends the watch; return the last resourceVersion."""
        query = {
            "labelSelector": self._selector,
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": version,
            "timeoutSeconds": _SERVER_TIMEOUT,
        }
        started, before = self._monotonic(), version
        rest = b""
        async with self._connection.stream(self.path, query, self._inactivity) as chunks:
            async for chunk in chunks:
                self.last_seen = self._monotonic()
                *lines, rest = (rest + chunk).split(b"\n")
                version = await self._tell(lines, version)
        if rest:
            raise errors.UnavailableError("the watch ended in the middle of a line")
        # One that brought something is only resumed: the API server closes a watch that it cannot feed fast enough.
        if version == before and self._monotonic() - started < _SHORT:
            raise errors.UnavailableError("the watch ended at once")
        return version

    async def _tell(self, lines: Iterable[bytes], version: str) -> str:
        for line in lines:
            try:
                event = self._event_decoder.decode(line)
            except msgspec.ValidationError:
                # A bookmark, an error, or a strange object: rare enough to be read twice.
                version = self._tell_other(_ANY_EVENTS.decode(line))
            else:
                version = event.object.metadata.resource_version
                self._change(event)
            self._failures = 0
            await self._breathe()
        return version

    def _tell_other(self, event: _AnyEvent) -> str:
        if event.type == "ERROR":
            error = msgspec.json.decode(event.object, type=_Error)
            raise errors.UnavailableError(f"the watch ended: {error.message}", code=error.code)
        if event.type != "BOOKMARK":
            self._decode(event.object)
        return _VERSIONS.decode(event.object).metadata.resource_version

    def _change(self, event: _Event[T]) -> None:
        if event.type == "DELETED":
            self._known.pop(event.object.metadata.uid, None)
            self._sink.delete(event.object)
        elif event.type in ("ADDED", "MODIFIED"):
            self._upsert(event.object)

    def _upsert(self, obj: T) -> None:
        before = self._known.get(obj.metadata.uid)
        if before is None or before.metadata.resource_version != obj.metadata.resource_version:
            self._known[obj.metadata.uid] = obj
            self._sink.upsert(obj)

    def _decode(self, raw: msgspec.Raw) -> T | None:
        try:
            return self._decoder.decode(raw)
        except msgspec.ValidationError as trouble:
            _log.warning("an object that cannot be read", extra={"path": self.path, "why": str(trouble)})
            return None

    async def _breathe(self) -> None:
        # A burst must not keep a cancel waiting.
        self._events += 1
        if self._events % _EVENTS_AT_ONCE == 0:
            await asyncio.sleep(0)
