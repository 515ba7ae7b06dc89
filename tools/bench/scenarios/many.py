"""Many sweeps at once; the first of them is cancelled as soon as all its pods run, while others still start."""

import asyncio

from bench.report import measures
from bench.report.measures import Measures
from bench.report.timeline import Key
from bench.scenarios import live
from bench.trial import Stage


async def measure(stage: Stage) -> Measures:
    """Create all, cancel one, wait until the others run."""
    place = await stage.place("sweep-0")
    keys = [Key(place.namespace, f"sweep-{index}") for index in range(stage.shape.sweeps)]
    asked = min(await asyncio.gather(*(stage.create(key) for key in keys)))
    observed, cases = stage.world.observed, stage.shape.cases
    for key in keys:
        # Whichever is first: the order in which they are served is the operator's.
        stage.sweep(key)
    await observed.until(
        lambda: any(stage.sweep(key).counters.running >= cases for key in keys),
        stage.patience,
        lambda: "no sweep has all its pods running",
    )
    first = next(key for key in keys if stage.sweep(key).counters.running >= cases)
    found = await live.cancel(stage, first)
    others = [stage.sweep(key) for key in keys if key != first]
    await observed.until(
        lambda: all(sweep.counters.running >= cases for sweep in others),
        stage.patience,
        lambda: f"{sum(sweep.counters.running < cases for sweep in others)} sweeps have not all their pods running",
    )
    ran = [measures.creating(sweep, asked, cases)["all_running"] for sweep in others]
    return found | {"all_running": max(ran)}
