"""The driver's end of the observer: the timeline as it grows, and waiting for what it shows."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import msgspec

from bench.children import Child
from bench.errors import BenchError, TrialError
from bench.observing.observer import Batch
from bench.report.timeline import Counters, Key, Sweep, Timeline

WORD_SECONDS = 10.0
_BATCHES = msgspec.json.Decoder(Batch)


class Observed:
    """The observer's timeline. `late` is the worst delay of its event loop since `forget`, in seconds."""

    def __init__(self, child: Child, say: Callable[[str], None]) -> None:
        self._say = say
        self.timeline = Timeline()
        self.late = 0.0
        self._child = child
        self._now = 0.0
        self._news = asyncio.Event()

    @classmethod
    @asynccontextmanager
    async def running(
        cls, kubeconfig: Path, sweeps: Sequence[str], log: Path, say: Callable[[str], None]
    ) -> AsyncIterator["Observed"]:
        """Run an observer inside the block; `sweeps` are the paths of the systems' own objects."""
        child = await Child.start(
            "observer", ["-m", "bench.observing.observer", str(kubeconfig), *sweeps], log, talks=True
        )
        found = cls(child, say)
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
            if not self._child.is_running:
                # Without it nothing can be measured any more.
                raise BenchError(f"the observer has ended:\n{self._child.tail()}")
            self._news.clear()
            left = limit - time.monotonic()
            if left <= 0:
                raise TrialError(f"not within {seconds:.0f} s: {explain()}")
            with suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), min(left, 1.0))

    async def reach(self, key: Key, holds: Callable[[Counters], bool], seconds: float, what: str) -> None:
        """Wait until the counters of a sweep are so; say now and then how they are."""
        sweep = self.sweep(key)
        next_word = time.monotonic() + WORD_SECONDS

        def reached() -> bool:
            nonlocal next_word
            if time.monotonic() > next_word:
                next_word += WORD_SECONDS
                now = sweep.counters
                self._say(f"    {now.created} pods created, {now.running} run, {now.live} live, {now.ended} ended")
            return holds(sweep.counters)

        await self.until(reached, seconds, lambda: f"{what}; {sweep.counters}, {sweep.state!r}")

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
