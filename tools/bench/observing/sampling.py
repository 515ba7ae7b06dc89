"""What is sampled beside a trial: memory and CPU time of the system's process, and how soon its event loop answers."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import aiohttp

from bench.children import Usage
from bench.report.measures import Measures, quantile
from bench.systems.system import System

MEMORY_SECONDS = 0.25
LAG_SECONDS = 0.05


@dataclass(slots=True)
class Samples:
    """What was sampled, with monotonic times."""

    memory: list[tuple[float, float]] = field(default_factory=list)
    answers: list[float] = field(default_factory=list)
    before: Usage = field(default_factory=Usage)
    after: Usage = field(default_factory=Usage)

    def measures(self) -> Measures:
        """Sum up. The answer of /healthz holds the loop's lag, and the machine's: it is what a kubelet would see."""
        found: Measures = {}
        if self.memory:
            found |= {"peak_mib": self.after.peak, "cpu_seconds": self.after.cpu - self.before.cpu}
        late = quantile(self.answers, 0.99)
        if late is not None:
            found |= {"lag_p99_ms": late * 1000, "lag_max_ms": max(self.answers) * 1000}
        return found


@asynccontextmanager
async def sampling(system: System) -> AsyncIterator[Samples]:
    """Sample a system's process inside the block, also a new one that takes its place; nothing if it has none."""
    found = Samples()
    if system.child is None:
        yield found
        return
    first, found.before = system.child, system.child.usage()
    tasks = [asyncio.create_task(_memory(found, system)), asyncio.create_task(_answers(found, system))]
    try:
        yield found
    finally:
        found.after = system.child.usage()
        if system.child is not first:
            found.before = Usage()
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def _memory(samples: Samples, system: System) -> None:
    while True:
        usage = system.child.usage() if system.child else Usage()
        if usage.resident:
            samples.memory.append((time.monotonic(), round(usage.resident, 1)))
        await asyncio.sleep(MEMORY_SECONDS)


async def _answers(samples: Samples, system: System) -> None:
    async with aiohttp.ClientSession() as http:
        while system.health:
            before = time.monotonic()
            try:
                async with http.get(f"{system.health}/healthz", timeout=aiohttp.ClientTimeout(total=30)) as answer:
                    await answer.read()
                samples.answers.append(time.monotonic() - before)
            except TimeoutError:
                samples.answers.append(time.monotonic() - before)
            except aiohttp.ClientError:
                # It is not there just now: a restart is measured by other means.
                await asyncio.sleep(0.2)
            await asyncio.sleep(LAG_SECONDS)
