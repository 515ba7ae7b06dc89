"""The workers that reconcile, and what is left to do when they stop."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Final

from simjob.runtime.reconciling.reconciler import Reconciler

# Workers that take urgent keys only: a cancel finds one free while all others create, or stop other sweeps. A worker is
# a task that waits; the budget bounds what all of them ask of the API server.
_URGENT_WORKERS: Final = 32
# Seconds that the last Events may take when the operator ends.
_LAST_EVENTS: Final = 2.0


async def run(reconciler: Reconciler, workers: int, *, may_write: Callable[[], bool] = lambda: True) -> None:
    """Run `workers` workers, and some for urgent keys only, until cancelled; then post the Events that wait.

    `may_write`: whether this process still leads. One that does not keeps its Events to itself.
    """
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(reconciler.recorder.run())
            for _ in range(workers):
                group.create_task(reconciler.work())
            for _ in range(_URGENT_WORKERS):
                group.create_task(reconciler.work(urgent_only=True))
    finally:
        reconciler.close()
        if may_write():
            # A time-out here must not hide why the operator ends.
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(reconciler.recorder.flush(), _LAST_EVENTS)
