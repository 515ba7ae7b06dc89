"""A small sweep is cancelled while a large one of another user is being created."""

from bench.errors import TrialError
from bench.report.measures import Measures
from bench.scenarios import live
from bench.shape import Shape
from bench.trial import Stage

SMALL = Shape(cases=100)
# So many pods of the large sweep must be there: its creation is in full swing.
UNDER_WAY = 200


async def measure(stage: Stage) -> Measures:
    """Cancel the small one in the middle of the large one's creation."""
    small, large = await stage.place("small"), await stage.place("large")
    observed = stage.world.observed
    await stage.create(small, SMALL)
    await observed.reach(small, lambda now: now.running >= SMALL.cases, stage.patience, "the small sweep does not run")
    await stage.create(large)
    await observed.reach(large, lambda now: now.created >= UNDER_WAY, stage.patience, "the large sweep does not start")
    found = await live.cancel(stage, small)
    if stage.sweep(large).counters.created >= stage.shape.cases:
        raise TrialError("the large sweep was complete before the small one had stopped: nothing was measured")
    return found
