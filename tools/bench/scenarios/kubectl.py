"""Another user's kubectl while a large sweep is created: does the API server stay usable?"""

import asyncio
import time

from bench.errors import TrialError
from bench.report.measures import Measures, quantile
from bench.report.timeline import Key
from bench.trial import Stage

BEFORE = 10
# Creation is under way from this many pods until this part of the sweep; then kubectl is not called any more.
UNDER_WAY = 100
PART = 0.4


async def measure(stage: Stage) -> Measures:
    """Time `kubectl get` before, and all the while that pods are being created."""
    key = await stage.place()
    before = [await _time(stage) for _ in range(BEFORE)]
    creating = asyncio.create_task(stage.create(key))
    try:
        during = await _while_creating(stage, key)
        await creating
    finally:
        creating.cancel()
    middle, was = quantile(during, 0.5), quantile(before, 0.5)
    if middle is None or was is None:
        raise TrialError("the sweep was complete before kubectl had answered once")
    return {"kubectl_before": was * 1000, "kubectl_during": middle * 1000, "kubectl_worst": max(during) * 1000}


async def _while_creating(stage: Stage, key: Key) -> list[float]:
    sweep, until = stage.sweep(key), stage.shape.cases * PART
    await stage.world.observed.reach(key, lambda now: now.created >= UNDER_WAY, stage.patience, "nothing starts")
    found = []
    limit = time.monotonic() + stage.patience
    while sweep.counters.created < until and time.monotonic() < limit:
        found.append(await _time(stage))
    return found


async def _time(stage: Stage) -> float:
    """Run kubectl as a user without privileges of priority; a single object, so that the size does not matter."""
    started = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        stage.world.cluster.kubectl,
        f"--kubeconfig={stage.world.accounts['user']}",
        *("get", "node", "kwok-0"),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    if await process.wait() != 0:
        raise TrialError("kubectl get has failed")
    return time.monotonic() - started
