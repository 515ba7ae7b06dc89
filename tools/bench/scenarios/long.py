"""A sweep with more short cases than may run at once: to its end, or cancelled half-way."""

from bench.report import measures
from bench.report.measures import Measures
from bench.scenarios import live
from bench.trial import Stage


async def to_the_end(stage: Stage) -> Measures:
    """Create, and wait until every case has ended by itself and the system has nothing left to do."""
    key = await stage.place()
    cases, observed, sweep = stage.shape.cases, stage.world.observed, stage.sweep(key)
    asked = await stage.create(key)
    await observed.reach(key, lambda now: now.ended >= cases, stage.patience, f"not all {cases} cases have ended")
    await observed.until(
        lambda: sweep.state == "COMPLETED", 120, lambda: f"the sweep is not COMPLETED, but {sweep.state!r}"
    )
    await stage.world.calm()
    await stage.check(key)
    return measures.ending(sweep.pods.values(), asked) | {"failed": sum(pod.failed for pod in sweep.pods.values())}


async def half_way(stage: Stage) -> Measures:
    """Create, and cancel when half of the cases have ended."""
    key = await stage.place()
    half = stage.shape.cases // 2
    await stage.create(key)
    await stage.world.observed.reach(key, lambda now: now.ended >= half, stage.patience, f"not {half} cases have ended")
    return await live.cancel(stage, key)
