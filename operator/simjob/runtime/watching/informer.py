"""An informer: list the pods or Jobs of a cluster, then watch them, and pass each change to a sink.

The algorithm is that of client-go's Reflector:
https://github.com/kubernetes/client-go/blob/master/tools/cache/reflector.go
After any error it lists again and passes on the difference, so the sink also learns of objects that were deleted
meanwhile. An object that cannot be decoded is logged and skipped.
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
# Seconds. Bounds how long after an outage the watch continues.
_LONGEST_DELAY: Final = 5.0
# Seconds. A shorter watch counts as a failure. Otherwise a server that closes each watch at once causes a busy loop.
_SHORT: Final = 1.0

_log = logging.getLogger(__name__)

T = TypeVar("T", bound=Pod | Job)
T_contra = TypeVar("T_contra", contravariant=True)


class Sink(Protocol[T_contra]):
    """Receives what an informer sees. The calls must return quickly, because the watch waits for them."""

    def upsert(self, obj: T_contra) -> None:
        """Receive the current state of an object that exists."""
        ...

    def delete(self, obj: T_contra) -> None:
        """Receive the last seen state of an object that is gone or no longer matches the selector."""
        ...

    def listed(self, uids: Set[str], version: int) -> None:
        """Receive the uids of a complete list and its resourceVersion, after `upsert` of all its objects."""
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
    """Return the API path of a kind in one namespace, or in the whole cluster if `namespace` is None."""
    root, plural = kind
    return f"{root}/namespaces/{namespace}/{plural}" if namespace else f"{root}/{plural}"


class Informer(Generic[T]):
    """One list and watch.

    `synced` is set when the sink has received the first complete list. `last_seen` is the monotonic time at which the
    last byte arrived.
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
        # mypy does not accept a variable as a type argument.
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
        """Return the seconds since the last byte or the last failed try. They grow only while a request hangs."""
        return self._monotonic() - max(self.last_seen, self._tried)

    def silence(self) -> float:
        """Return the seconds since the last byte arrived."""
        return self._monotonic() - self.last_seen

    async def run(self) -> None:
        """List and watch until cancelled."""
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
        """Pass all objects to the sink, then those that are gone; return the resourceVersion of the list."""
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
                await self._pause()
        for uid in self._known.keys() - listed:
            self._sink.delete(self._known.pop(uid))
        # The sink may also know objects from responses to calls, which this informer has not seen.
        self._sink.listed(listed, int(version or 0))
        self.synced.set()
        return version

    async def _watch(self, version: str) -> str:
        """Pass changes to the sink until the server ends the watch; return the last resourceVersion."""
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
                version = await self._pass_on(lines, version)
        if rest:
            raise errors.UnavailableError("the watch ended in the middle of a line")
        # A watch that delivered events is resumed: the API server closes a watch whose client reads too slowly.
        if version == before and self._monotonic() - started < _SHORT:
            raise errors.UnavailableError("the watch ended at once")
        return version

    async def _pass_on(self, lines: Iterable[bytes], version: str) -> str:
        for line in lines:
            try:
                event = self._event_decoder.decode(line)
            except msgspec.ValidationError:
                # A bookmark, an error, or an object that cannot be decoded. They are rare, so decode them again.
                version = self._pass_on_other(_ANY_EVENTS.decode(line))
            else:
                version = event.object.metadata.resource_version
                self._change(event)
            self._failures = 0
            await self._pause()
        return version

    def _pass_on_other(self, event: _AnyEvent) -> str:
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
            _log.warning("skipped an object that cannot be decoded", extra={"path": self.path, "why": str(trouble)})
            return None

    async def _pause(self) -> None:
        # Let other tasks run during a burst, so that a cancel does not wait for it.
        self._events += 1
        if self._events % _EVENTS_AT_ONCE == 0:
            await asyncio.sleep(0)
