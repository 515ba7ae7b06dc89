"""Many sweeps at once in one place, as on a cluster that a whole team shares."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from integration.support.sweeps import Place, Sweep


def many_sweeps(place: Place, count: int, **spec: Any) -> list[Sweep]:
    """Create SimulationJobs that differ in their names only."""
    return [place.apply(f"sweep-{index}", **spec) for index in range(count)]


def at_once(sweeps: list[Sweep], method: str) -> None:
    """Call a method of each sweep, such as `cancel` or `delete`, at the same time."""
    with ThreadPoolExecutor(len(sweeps)) as pool:
        for done in [pool.submit(_call, sweep, method) for sweep in sweeps]:
            done.result()


def _call(sweep: Sweep, method: str) -> None:
    try:
        getattr(sweep, method)()
    finally:
        sweep.client.close()
