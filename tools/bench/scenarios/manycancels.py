"""Many sweeps run, and all are cancelled or deleted at the same moment; the operator must keep its Lease.

If the operator exits, it is started again, as its kubelet would do. So all of it is measured in any case.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

from cluster.deploy import NAMESPACE

from bench.connection import ask
from bench.errors import TrialError
from bench.report import measures
from bench.report.measures import Measures
from bench.report.timeline import Key
from bench.systems.simjob import SimJob
from bench.trial import Stage

LEASE = f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases/simjob-operator"
# Seconds within which every sweep must have ended. The state before budgets took 223 s for ten sweeps of 700 pods.
PATIENCE_SECONDS = 600


@dataclass(slots=True)
class Kubelet:
    """Start the operator again when it ends; count how often."""

    system: SimJob
    restarts: int = 0

    async def run(self) -> None:
        """Look after it until cancelled."""
        while True:
            await asyncio.sleep(0.5)
            if self.system.child and not self.system.child.is_running:
                self.restarts += 1
                await self.system.spawn()


async def measure(stage: Stage) -> Measures:
    """Create all, wait until all run, end all at once, wait until no pod is left and each sweep has said so."""
    system = stage.system
    if not isinstance(system, SimJob):
        raise TrialError("only the operator has a leader")
    place = await stage.place("sweep-0")
    keys = [Key(place.namespace, f"sweep-{index}") for index in range(stage.shape.sweeps)]
    found = await _running(stage, keys)
    before = await _lease(stage)
    async with _looked_after(system) as kubelet, stage.profiled("end"):
        ask_end = system.delete if stage.shape.deleted else system.cancel
        asked = min(await asyncio.gather(*(ask_end(key) for key in keys)))
        await _ended(stage, keys)
        # Where it ended just before, its successor takes the Lease within these seconds.
        await stage.world.calm()
        changes = measures.leader_changes(before, await _lease(stage))
    sweeps = [stage.sweep(key) for key in keys]
    ends = [measures.cancelling(sweep, asked, system.said_cancelled(sweep)) for sweep in sweeps]
    return found | measures.together(ends) | {"leader_changes": max(changes, kubelet.restarts)}


async def _running(stage: Stage, keys: Sequence[Key]) -> Measures:
    observed, cases = stage.world.observed, stage.shape.cases
    asked = min(await asyncio.gather(*(stage.create(key) for key in keys)))
    sweeps = [stage.sweep(key) for key in keys]
    said_at = time.monotonic()

    def all_run() -> bool:
        nonlocal said_at
        if time.monotonic() > said_at + 10:
            said_at = time.monotonic()
            stage.world.say(f"    {sum(sweep.counters.running for sweep in sweeps)} pods run")
        return all(sweep.counters.running >= cases for sweep in sweeps)

    await observed.until(all_run, stage.patience, lambda: "not all pods run")
    for key in keys:
        await stage.check(key)
    return {"all_running": max(measures.creating(sweep, asked, cases)["all_running"] for sweep in sweeps)}


async def _ended(stage: Stage, keys: Sequence[Key]) -> None:
    sweeps = [stage.sweep(key) for key in keys]

    def over() -> bool:
        said = stage.shape.deleted or all(stage.system.said_cancelled(sweep) for sweep in sweeps)
        return said and all(sweep.counters.live == sweep.counters.leaving == 0 for sweep in sweeps)

    await stage.world.observed.until(
        over, PATIENCE_SECONDS, lambda: f"{sum(sweep.counters.live for sweep in sweeps)} pods still live"
    )


async def _lease(stage: Stage) -> dict[str, Any]:
    found: dict[str, Any] = (await ask(stage.world.http, "GET", LEASE))["spec"]
    return found


@asynccontextmanager
async def _looked_after(system: SimJob) -> AsyncIterator[Kubelet]:
    kubelet = Kubelet(system)
    task = asyncio.create_task(kubelet.run())
    try:
        yield kubelet
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
