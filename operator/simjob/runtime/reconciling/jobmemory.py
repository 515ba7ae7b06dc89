"""What this process knows of one job beside the cluster: names it used, what was refused, when it wrote.

Losing it costs calls, never a case. Times are the event loop's, which do not jump as a wall clock may.
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
# Seconds. A pass that is planned in less is not worth a pause; no pause may hold up a cancel for long.
_SHORT: Final = 0.002
_LONGEST_BREATH: Final = 0.1
# Writes of a status that failed in a row, after which it counts as refused and not as late.
REFUSED: Final = 3


@dataclass(slots=True)
class Memory:
    """One job's.

    `spent`: the cases whose Jobs of `round` were made or seen; None as long as another process may have made some.
    `breath`: seconds to pause after a pass, so that events gather. `calls`: those that failed, and how long each rests.
    `warned_of_status`: an Event says that the status cannot be written. `latch_failures`: how often a cancel could not
    be written down.
    `is_caught_up`: what an earlier process may have made has been read.
    `is_owned`: after the SimulationJob went, a Job was read that still has it as its controller.
    `removing_since`: when the removal of what the SimulationJob left began.
    `earlier`: the cases that run in pods of earlier SimulationJobs of the name, None until they are read; `earlier_at`:
    when they were read.
    """

    calls: Backoffs
    gate: Gate
    round: int = -1
    spent: set[int] | None = None
    breath: float = 0.0
    is_caught_up: bool = False
    is_owned: bool = False
    removing_since: datetime | None = None
    earlier: Mapping[int, str] | None = None
    earlier_at: float = 0.0
    warned_of_status: bool = False
    latch_failures: int = 0
    _occupied: int | None = None
    _look_at: float | None = None
    _wrote_at: float = float("-inf")
    _judged_at: float = float("-inf")

    def wrote(self) -> None:
        """Note that the status is stored."""
        self._wrote_at = _now()
        self.calls.worked(backoff.STATUS)
        self.warned_of_status, self.latch_failures = False, 0

    def status_failed(self, *, latches: bool, at_once: bool = False) -> None:
        """Note that a status is not stored. `latches`: it writes down a cancel. `at_once`: see Backoffs.failed."""
        self.calls.failed(backoff.STATUS, at_once=at_once)
        self.latch_failures += latches

    def holds_status(self, *, latches: bool) -> bool:
        """Return whether the status may not be tried yet. The first try of a cancel does not wait for what failed."""
        if latches and not self.latch_failures:
            self.calls.worked(backoff.STATUS)
        return self.calls.holds(backoff.STATUS)

    def until_write(self) -> float:
        """Return in how many seconds a status may be written again; not more than 0 for now."""
        return self._wrote_at + _BETWEEN_WRITES - _now()

    def judged(self, seconds: float) -> None:
        """Note that all cases were judged, in `seconds`. The pause leaves a large job a ninth of a core, or more."""
        self._judged_at = _now()
        self.breath = min(8 * seconds, _LONGEST_BREATH) if seconds > _SHORT else 0.0

    def looked(self, *, waits: bool) -> None:
        """Note that no case was judged. `waits`: only ends of pods can follow, which are taken together."""
        self.breath = _LONGEST_BREATH if waits else 0.0

    def until_judging(self) -> float:
        """Return in how many seconds to judge the cases of a cancel again: when its status may be written again."""
        return max(max(self._wrote_at, self._judged_at) + _BETWEEN_WRITES - _now(), 0.0)

    def note_room(self, actions: Iterable[Action], outcome: PassOutcome, now: datetime) -> None:
        """Note when finished Jobs or pods were deleted while a quota that counts them refuses creations."""
        deletions = (action for action in actions if isinstance(action, DeleteJob | DeletePod))
        if any(backoff.subject(action) in outcome.begun - outcome.failed for action in deletions):
            self.gate.room_made(now)

    def saw(self, observed: Observed) -> None:
        """Note what there is while creations are refused: what has ended or gone may have made room in a quota."""
        if self.gate.refusal is None:
            self._occupied = None
            return
        pods = [pod for case in observed.cases for pod in case.pods if not pod.gone]
        occupied = len(pods) + sum(pod.live for pod in pods) + sum(case.job is not None for case in observed.cases)
        if self._occupied is not None and occupied < self._occupied:
            self.gate.freed(self._occupied - occupied)
        self._occupied = occupied

    def note_calls(self, actions: Iterable[Action], outcome: PassOutcome) -> None:
        """Note which calls of the actions failed, and which worked: those that never began did neither."""
        self._look_at = outcome.look_at
        for call in {backoff.subject(action) for action in actions}:
            if call in outcome.failed:
                self.calls.failed(call)
            elif call in outcome.begun:
                self.calls.worked(call)

    def permitted(self, actions: tuple[Action, ...]) -> tuple[Action, ...]:
        """Leave out what failed a moment ago, and the creations that the gate holds."""
        return self.gate.permitted([action for action in actions if not self.calls.holds(backoff.subject(action))])

    def until_look(self, plan: Plan, now: datetime) -> float | None:
        """Return in how many seconds to plan again; None for when something changes.

        Not at once while creations wait, and not later than one of them, or a refused deadline, may be tried again.
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
        # What could not be tried is no reason to plan it again at once.
        wait = max((plan.look_again - now).total_seconds(), 0.0) or self.calls.until_next() or 0.0
        if retry is None:
            return wait
        return retry if all_wait and not wait else min(wait, retry)


def _now() -> float:
    return asyncio.get_running_loop().time()
