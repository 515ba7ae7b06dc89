"""Watch pods, Jobs and sweeps in a separate process, and report each change with its time of arrival.

It looks at the API server's objects only and is the same for every system. Standard output has one JSON line each
20 ms: a `Batch`. It ends when its standard input does, so it never outlives the driver.
"""

import asyncio
import os
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import aiohttp
import msgspec
import uvloop

from bench import connection
from bench.errors import BenchError
from bench.report.timeline import LABEL, Change, Key, Kind

AGENT = "simjob-bench-observer"
PAUSE_SECONDS = 0.02
PATIENCE_SECONDS = 30.0


class Batch(msgspec.Struct, array_like=True):
    """What came since the last batch. `late` is how long the event loop kept arrivals waiting at most, in seconds."""

    now: float
    late: float
    changes: list[Change]


class _Meta(msgspec.Struct, rename="camel"):
    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = "0"
    labels: dict[str, str] = {}
    deletion_timestamp: str | None = None


class _Condition(msgspec.Struct):
    type: str
    status: str = ""


class _Status(msgspec.Struct):
    phase: str = ""
    conditions: list[_Condition] = []


class _Object(msgspec.Struct):
    metadata: _Meta
    status: msgspec.Raw = msgspec.Raw(b"{}")


class _Event(msgspec.Struct):
    type: str
    object: msgspec.Raw


class _List(msgspec.Struct):
    metadata: _Meta
    items: list[_Object] = []


_EVENTS = msgspec.json.Decoder(_Event)
_OBJECTS = msgspec.json.Decoder(_Object)
_STATUS = msgspec.json.Decoder(_Status)


def _change(kind: Kind, found: _Object, at: float, *, gone: bool) -> Change:
    """Keep the part of an object that is measured."""
    meta, status = found.metadata, _STATUS.decode(found.status)
    name = meta.labels.get(LABEL, "") if kind is Kind.POD else meta.name
    return Change(
        at=at,
        version=int(meta.resource_version),
        kind=kind,
        key=Key(meta.namespace, name),
        uid=meta.uid,
        state=_verdict(status) if kind is Kind.JOB else status.phase,
        signalled=meta.deletion_timestamp is not None,
        gone=gone,
        size=len(bytes(found.status)) if kind is Kind.SWEEP else 0,
    )


def _verdict(status: _Status) -> str:
    """Give the condition of a Job that decides: what it says of itself."""
    holding = {condition.type for condition in status.conditions if condition.status == "True"}
    return next((kind for kind in ("Complete", "Failed", "Suspended") if kind in holding), "")


class Watch:
    """One list and watch. Reports changes of measured fields only."""

    def __init__(self, http: aiohttp.ClientSession, kind: Kind, path: str, tell: Callable[[Change], None]) -> None:
        self._http = http
        self._kind = kind
        self._path = path
        self._query = {"labelSelector": LABEL} if kind is Kind.POD else {}
        self._tell = tell
        self._told: dict[str, tuple[str, bool, int]] = {}
        self._version = ""

    async def run(self) -> None:
        """Watch until cancelled. A watch that the API server ends continues from the last version."""
        while True:
            if not self._version:
                await self._list()
            async for at, line in self._lines():
                event = _EVENTS.decode(line)
                if event.type == "ERROR":
                    # Continuing would leave a hole in the record.
                    raise BenchError(f"the observer lost its watch of {self._path}: {line[:200].decode()}")
                found = _OBJECTS.decode(event.object)
                self._version = found.metadata.resource_version
                if event.type != "BOOKMARK":
                    self._see(_change(self._kind, found, at, gone=event.type == "DELETED"))

    async def _list(self) -> None:
        limit = time.monotonic() + PATIENCE_SECONDS
        while True:
            async with self._http.get(self._path, params=self._query) as answer:
                content = await answer.read()
            if answer.status == 200:
                break
            # A resource whose definition was just created answers 404 and 429 at first.
            if time.monotonic() > limit:
                raise BenchError(f"the observer cannot list {self._path}: {answer.status}")
            await asyncio.sleep(0.2)
        found = msgspec.json.decode(content, type=_List)
        at = time.monotonic()
        for item in found.items:
            self._see(_change(self._kind, item, at, gone=False))
        self._version = found.metadata.resource_version

    async def _lines(self) -> AsyncIterator[tuple[float, bytes]]:
        """Give the watch's lines, each with the time at which its last byte was read."""
        query = {**self._query, "watch": "true", "allowWatchBookmarks": "true", "timeoutSeconds": "3000"}
        query["resourceVersion"] = self._version
        rest = b""
        async with self._http.get(self._path, params=query, timeout=aiohttp.ClientTimeout(total=None)) as answer:
            if answer.status != 200:
                raise BenchError(f"the observer cannot watch {self._path}: {answer.status}")
            async for chunk in answer.content.iter_any():
                at = time.monotonic()
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    yield at, line

    def _see(self, seen: Change) -> None:
        told = (seen.state, seen.signalled, seen.size)
        if seen.gone or self._told.get(seen.uid) != told:
            self._tell(seen)
        if seen.gone:
            self._told.pop(seen.uid, None)
        else:
            self._told[seen.uid] = told


class _Out:
    """Writes batches at a pace, and measures how late the loop is."""

    def __init__(self) -> None:
        self._changes: list[Change] = []

    def tell(self, seen: Change) -> None:
        self._changes.append(seen)

    async def run(self) -> None:
        before = time.monotonic()
        while True:
            await asyncio.sleep(PAUSE_SECONDS)
            now = time.monotonic()
            batch = Batch(now, max(0.0, now - before - PAUSE_SECONDS), self._changes)
            # Before it writes: what keeps it there keeps arrivals waiting as well.
            before = now
            self._changes = []
            sys.stdout.buffer.write(msgspec.json.encode(batch) + b"\n")
            sys.stdout.buffer.flush()


async def _observe(kubeconfig: Path, sweeps: list[str]) -> None:
    out = _Out()
    paths = [(Kind.POD, "/api/v1/pods"), (Kind.JOB, "/apis/batch/v1/jobs"), *((Kind.SWEEP, path) for path in sweeps)]
    async with connection.session(kubeconfig, AGENT) as http:
        watches = [Watch(http, kind, path, out.tell).run() for kind, path in paths]
        await asyncio.gather(*watches, out.run())


def _end_with_driver() -> None:
    sys.stdin.read()
    os._exit(0)


def main() -> None:
    """Observe: `python -m bench.observer KUBECONFIG PATH...`, the paths those of the sweeps."""
    # Its clock is what is measured with: it goes before what it measures.
    if os.geteuid() == 0:
        os.nice(-10)
    threading.Thread(target=_end_with_driver, daemon=True).start()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_observe(Path(sys.argv[1]), sys.argv[2:]))


if __name__ == "__main__":
    main()
