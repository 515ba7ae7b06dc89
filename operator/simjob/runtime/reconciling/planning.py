"""Make the plan of a pass: from a view of the store, and what this process remembers of the SimulationJob."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from simjob.api.simulationjob import Invalid, SimulationJob
from simjob.api.status import Status
from simjob.core import assessment, planner
from simjob.core.plan import Plan
from simjob.core.rules import cancellation
from simjob.runtime.reconciling.jobmemory import Memory
from simjob.runtime.store.view import View
from simjob.runtime.tables.preparing import Preparing
from simjob.runtime.watching.waitingreasons import WaitingReasons

# The number of Jobs from which a plan takes some milliseconds or more.
LARGE: Final = 200


class Planning:
    """Calls the planner. `stopwatch` measures how long it takes."""

    def __init__(
        self,
        preparing: Preparing,
        reasons: WaitingReasons,
        clock: Callable[[], datetime],
        stopwatch: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._preparing = preparing
        self._reasons = reasons
        self._clock = clock
        self._stopwatch = stopwatch
        self._turns = asyncio.Lock()

    async def turn(self, view: View) -> None:
        """Wait for the turn of this plan if it is large.

        Then probes and events are handled between two large plans, even if ten sweeps of 1,000 cases end at once.
        """
        if len(view.jobs) >= LARGE:
            async with self._turns:
                await asyncio.sleep(0)

    def plan(self, view: View, job: SimulationJob | Invalid, memory: Memory) -> Plan:
        """Return the plan; record in the memory what was judged."""
        key, status = view.key, job.status or Status()
        if status.start_time is None:
            memory.restarts, memory.spent = status.restarts, set()
        elif memory.restarts != status.restarts:
            memory.restarts, memory.spent = status.restarts, None
        started, now, gate = self._stopwatch(), self._clock(), memory.gate
        gate.look(assessment.over(status.outcomes))
        if plan := _before_judging(view, job, memory, now):
            memory.looked(waits=not plan.status and not plan.actions)
            return plan
        if memory.spent is not None:
            memory.spent |= gate.take_created()
        observed = replace(
            view.observed(spent=memory.spent, refusal=gate.refusal),
            prepared=self._preparing.answer(key),
            words=self._reasons.words(key),
            earlier=memory.earlier or {},
            waiting=gate.waiting,
            last=gate.last,
            under_way=gate.under_way,
        )
        memory.saw(observed)
        if memory.spent is not None:
            # A creation without a response shows up here if it succeeded.
            memory.spent.update(
                case.index for case in observed.cases if case.job and case.job.restarts == status.restarts
            )
        plan = planner.plan(job, observed, now)
        memory.judged(self._stopwatch() - started)
        return plan


def _before_judging(view: View, job: SimulationJob | Invalid, memory: Memory, now: datetime) -> Plan | None:
    if not cancellation.is_wanted(job):
        return None
    judge_at = now + timedelta(seconds=memory.until_judging())
    return planner.before_judging(job, view.live, now, judge_at)
