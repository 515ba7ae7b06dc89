"""Run the workers that reconcile, and clean up when they stop."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Final

from simjob.runtime.reconciling.reconciler import Reconciler

# Workers that take urgent keys only, so that a cancel finds a free worker while all others are busy. A worker is cheap:
# it is a task that mostly waits, and the budget limits the requests of all workers together.
_URGENT_WORKERS: Final = 32
# Seconds to post the last Events when the operator stops.
_LAST_EVENTS: Final = 2.0


async def run(reconciler: Reconciler, workers: int, *, may_write: Callable[[], bool] = lambda: True) -> None:
    """Run `workers` workers, and 32 more for urgent keys only, until cancelled. Then post the queued Events.

    `may_write` returns whether this process is still the leader. If it is not, the queued Events are dropped.
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
            # A timeout here must not hide the exception that stops the operator.
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(reconciler.recorder.flush(), _LAST_EVENTS)
