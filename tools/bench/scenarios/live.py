"""All cases of a sweep run at once; then it is cancelled."""

from bench.report import measures
from bench.report.measures import Measures
from bench.report.timeline import Key
from bench.trial import Stage


async def measure(stage: Stage) -> Measures:
    """Create, wait until all run, cancel, wait until nothing lives and the system has said so."""
    key = await stage.place()
    cases = stage.shape.cases
    async with stage.profiled("create"):
        asked = await stage.create(key)
        await stage.world.observed.reach(key, lambda now: now.running >= cases, stage.patience, f"not all {cases} run")
    await stage.check(key)
    found = measures.creating(stage.sweep(key), asked, cases)
    found |= await cancel(stage, key)
    # What it still does after it has said so is its own, too.
    await stage.world.calm()
    return found


async def cancel(stage: Stage, key: Key) -> Measures:
    """Cancel a sweep and wait for its whole end, pods' objects included."""
    observed, sweep = stage.world.observed, stage.sweep(key)
    async with stage.profiled("cancel"):
        asked = await stage.system.cancel(key)
        await observed.reach(key, lambda now: now.live == 0, stage.patience, "pods still live after the cancel")
    await observed.reach(key, lambda now: now.leaving == 0, stage.patience, "pods are still there after the cancel")
    if stage.system.name != "bare":
        await observed.until(
            lambda: stage.system.said_cancelled(sweep) is not None,
            60,
            lambda: f"{stage.system.name} does not say that it is cancelled, but {sweep.state!r}",
        )
    await stage.check(key)
    return measures.cancelling(sweep, asked, stage.system.said_cancelled(sweep))
