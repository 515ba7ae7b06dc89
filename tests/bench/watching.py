"""The driver's end of the observer: the timeline as it grows, and waiting for what it shows."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import msgspec

from bench.children import Child
from bench.errors import BenchError, TrialError
from bench.observer import Batch
from bench.timeline import Counters, Key, Sweep, Timeline

_BATCHES = msgspec.json.Decoder(Batch)


class Observed:
    """The observer's timeline. `late` is the worst delay of its event loop since `settle`, in seconds."""

    def __init__(self, child: Child) -> None:
        self.timeline = Timeline()
        self.late = 0.0
        self._child = child
        self._now = 0.0
        self._news = asyncio.Event()

    @classmethod
    @asynccontextmanager
    async def running(cls, kubeconfig: Path, sweeps: Sequence[str], log: Path) -> AsyncIterator["Observed"]:
        """Run an observer inside the block; `sweeps` are the paths of the systems' own objects."""
        child = await Child.start("observer", ["-m", "bench.observer", str(kubeconfig), *sweeps], log, talks=True)
        found = cls(child)
        reader = asyncio.create_task(found._read())
        try:
            await found.until(lambda: found._now > 0, 30, lambda: "the observer does not start")
            yield found
        finally:
            reader.cancel()
            with suppress(asyncio.CancelledError):
                await reader
            await child.end()

    def sweep(self, key: Key) -> Sweep:
        return self.timeline.sweep(key)

    async def until(self, holds: Callable[[], bool], seconds: float, explain: Callable[[], str]) -> None:
        """Wait for it, looked at whenever something was seen; TrialError after `seconds`."""
        limit = time.monotonic() + seconds
        while not holds():
            self._child.require()
            self._news.clear()
            left = limit - time.monotonic()
            if left <= 0:
                raise TrialError(f"not within {seconds:.0f} s: {explain()}")
            with suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), min(left, 1.0))

    async def reach(self, key: Key, holds: Callable[[Counters], bool], seconds: float, what: str) -> None:
        """Wait until the counters of a sweep are so."""
        sweep = self.sweep(key)
        await self.until(lambda: holds(sweep.counters), seconds, lambda: f"{what}; {sweep.counters}, {sweep.state!r}")

    async def catch_up(self) -> None:
        """Wait until all that had arrived by now is in the timeline."""
        now = time.monotonic()
        await self.until(lambda: self._now >= now, 30, lambda: "the observer is behind")

    def forget(self) -> None:
        """Start afresh for the next trial."""
        self.timeline.forget()
        self.late = 0.0

    async def _read(self) -> None:
        stream = self._child.process.stdout
        if stream is None:
            raise BenchError("the observer has no output")
        while line := await stream.readline():
            batch = _BATCHES.decode(line)
            self.timeline.add(batch.changes)
            self.late = max(self.late, batch.late)
            self._now = batch.now
            if batch.changes:
                self._news.set()
