"""Nothing happens: the operator has a large sweep whose pods just run."""

import asyncio

from bench.observing import audit
from bench.report.measures import Measures
from bench.trial import Stage

SECONDS = 60
# Of a sweep that is smaller than the budget's.
GLANCE_SECONDS = 15
BUDGET = 10_000
# The status of a Job that runs is put off for seconds: that is work of the start, not of a quiet minute.
SETTLE_SECONDS = 10


async def measure(stage: Stage) -> Measures:
    """Wait until all that may run runs, and count what is written in a minute, in all namespaces."""
    key = await stage.place()
    live = stage.shape.at_once
    await stage.create(key)
    await stage.world.observed.reach(key, lambda now: now.running >= live, stage.patience, f"not {live} pods run")
    await asyncio.sleep(SETTLE_SECONDS)
    await stage.world.calm()
    start = stage.world.audit.position()
    await asyncio.sleep(SECONDS if stage.shape.cases >= BUDGET else GLANCE_SECONDS)
    requests = audit.count(stage.world.audit.records(start))
    return {"writes": audit.total(requests, stage.system.asks, writes_only=True)}
