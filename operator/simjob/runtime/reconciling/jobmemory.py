"""The state about one job that exists only in this process: used names, rejected calls, times of writes.

If it is lost, the operator makes some calls again, but loses no case. All times are the event loop's, which does not
jump as a wall clock may.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from simjob.core.observed.children import Observed
from simjob.core.plan import Action, DeleteJob, DeletePod, Plan
from simjob.runtime.executing import backoff
from simjob.runtime.executing.backoff import Backoffs
from simjob.runtime.executing.creationgate import Gate
from simjob.runtime.executing.passoutcome import PassOutcome

_BETWEEN_WRITES: Final = 1.0
# Seconds. After a pass whose planning took less, no pause follows. The longest pause must not delay a cancel much.
_SHORT: Final = 0.002
_LONGEST_PAUSE: Final = 0.1
# After this many failures in a row, a call counts as rejected and not as late.
REFUSED: Final = 3


@dataclass(slots=True)
class Memory:
    """The state about one job.

    `calls`: the backoff of failed calls. `gate`: which cases may be created.
    `spent`: the cases whose Jobs of `restarts` were created or seen; None while another process may have created some.
    `pause`: seconds to pause after a pass, so that events accumulate.
    `is_caught_up`: the children that an earlier process may have created were read.
    `is_owned`: after the SimulationJob was deleted, a Job was read that still names it as its controller.
    `removing_since`: when the removal of its children began.
    `earlier`: the cases that run in pods of earlier SimulationJobs of the name, by index; None until they are read.
    `earlier_at`: when they were read.
    `warned_of_status`: an Event says that the status cannot be written.
    `latch_failures`: failed writes in a row of a status that latches a cancel.
    """

    calls: Backoffs
    gate: Gate
    restarts: int = -1
    spent: set[int] | None = None
    pause: float = 0.0
    is_caught_up: bool = False
    is_owned: bool = False
    removing_since: datetime | None = None
    earlier: Mapping[int, str] | None = None
    earlier_at: float = 0.0
    warned_of_status: bool = False
    latch_failures: int = 0
    _stops: bool = False
    _occupied: int | None = None
    _look_at: float | None = None
    _wrote_at: float = float("-inf")
    _judged_at: float = float("-inf")

    def begins_to_stop(self, stops: bool) -> bool:
        """Return whether this pass is the first that has to stop all cases. `stops`: all cases have to stop now."""
        before, self._stops = self._stops, stops
        return stops and not before

    def wrote(self) -> None:
        """Record that the status was written."""
        self._wrote_at = _now()
        self.calls.worked(backoff.STATUS)
        self.warned_of_status, self.latch_failures = False, 0

    def status_failed(self, *, latches: bool, at_once: bool = False) -> None:
        """Record a failed status write. `latches`: it latches a cancel. `at_once`: see Backoffs.failed."""
        self.calls.failed(backoff.STATUS, at_once=at_once)
        self.latch_failures += latches

    def holds_status(self, *, latches: bool) -> bool:
        """Return whether the status write is backing off. The first write of a cancel ignores earlier failures."""
        if latches and not self.latch_failures:
            self.calls.worked(backoff.STATUS)
        return self.calls.holds(backoff.STATUS)

    def until_write(self) -> float:
        """Return the seconds until the status may be written again; 0 or less means now."""
        return self._wrote_at + _BETWEEN_WRITES - _now()

    def judged(self, seconds: float) -> None:
        """Record a full plan, which took `seconds`, and set the pause after the pass.

        The pause is eight times as long, so that planning a large job takes about a ninth of a core. It is 0.1 s at
        most, so the share of a very large job is higher.
        """
        self._judged_at = _now()
        self.pause = min(8 * seconds, _LONGEST_PAUSE) if seconds > _SHORT else 0.0

    def looked(self, *, waits: bool) -> None:
        """Record a pass without a full plan. `waits`: only pods can end next; pause, to handle their ends together."""
        self.pause = _LONGEST_PAUSE if waits else 0.0

    def until_judging(self) -> float:
        """Return the seconds until the cases of a cancel are planned in full again: one second after the last time."""
        return max(max(self._wrote_at, self._judged_at) + _BETWEEN_WRITES - _now(), 0.0)

    def note_room(self, actions: Iterable[Action], outcome: PassOutcome, now: datetime) -> None:
        """Report to the gate that Jobs or pods were deleted, which may make room in a quota of objects."""
        deletions = (action for action in actions if isinstance(action, DeleteJob | DeletePod))
        if any(backoff.subject(action) in outcome.begun - outcome.failed for action in deletions):
            self.gate.room_made(now)

    def saw(self, observed: Observed) -> None:
        """Count the children while creations are rejected. Report to the gate when fewer are left or live.

        Those that ended or were deleted may have made room in a quota.
        """
        if self.gate.refusal is None:
            self._occupied = None
            return
        pods = [pod for case in observed.cases for pod in case.pods if not pod.gone]
        occupied = len(pods) + sum(pod.live for pod in pods) + sum(case.job is not None for case in observed.cases)
        if self._occupied is not None and occupied < self._occupied:
            self.gate.freed(self._occupied - occupied)
        self._occupied = occupied

    def note_calls(self, actions: Iterable[Action], outcome: PassOutcome) -> None:
        """Record which calls of the actions failed and which succeeded. Skip those that were not started."""
        self._look_at = outcome.look_at
        for call in {backoff.subject(action) for action in actions}:
            if call in outcome.failed:
                self.calls.failed(call)
            elif call in outcome.begun:
                self.calls.worked(call)

    def permitted(self, actions: tuple[Action, ...]) -> tuple[Action, ...]:
        """Return the actions without those that back off and without creations that the gate holds back."""
        return self.gate.permitted([action for action in actions if not self.calls.holds(backoff.subject(action))])

    def until_look(self, plan: Plan, now: datetime) -> float | None:
        """Return the seconds until the next plan; None to wait for an event.

        While all creations wait, the next plan waits too. It is not later than the next try of a creation or of a
        rejected deadline.
        """
        wait = self._until_plan(plan, now)
        if self._look_at is None:
            return wait
        again = max(self._look_at - _now(), 0.0)
        return again if wait is None else min(wait, again)

    def _until_plan(self, plan: Plan, now: datetime) -> float | None:
        retry, all_wait = self.gate.until_retry()
        if plan.look_again is None:
            return retry
        # If the plan is due at once, wait for the first backoff: until then its calls would not be tried.
        wait = max((plan.look_again - now).total_seconds(), 0.0) or self.calls.until_next() or 0.0
        if retry is None:
            return wait
        return retry if all_wait and not wait else min(wait, retry)


def _now() -> float:
    return asyncio.get_running_loop().time()
