"""What this process knows of one job beside the cluster: names it used, what was refused, when it wrote.

Losing it costs calls, never a case. Times are the event loop's, which do not jump as a wall clock may.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from simjob.core.observed import Observed, Refusal
from simjob.core.plan import Action, CreateCase, DeleteJob, DeletePod, Plan, StartAttempt
from simjob.runtime import backoff
from simjob.runtime.backoff import Backoffs
from simjob.runtime.outcome import Outcome

_BETWEEN_WRITES: Final = 1.0
# Writes of a status that failed in a row, after which it counts as refused and not as late.
REFUSED: Final = 3
# Failures in a row after which one creation at a time finds out whether the others would get through.
_FAILED_FOR_ALL: Final = 2
_REFUSAL_DELAYS: Final = (1.0, 2.0, 4.0, 8.0, 10.0)


@dataclass(slots=True)
class Memory:
    """One job's.

    `spent`: the cases whose Jobs of `round` were made or seen; None as long as another process may have made some.
    `planning`: seconds that the last plan took. `calls`: those that failed, and how long each rests.
    `warned_of_status`: an Event says that the status cannot be written. `latch_failures`: how often a cancel could not
    be written down.
    `is_caught_up`: what an earlier process may have made has been read.
    """

    calls: Backoffs
    round: int = -1
    spent: set[int] | None = None
    planning: float = 0.0
    is_caught_up: bool = False
    warned_of_status: bool = False
    latch_failures: int = 0
    refusal: Refusal | None = None
    _refusals: int = 0
    _refused_until: float = float("-inf")
    _occupied: int | None = None
    _freed: int = 0
    _wrote_at: float = float("-inf")

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
        """Returns in how many seconds a status may be written again; not more than 0 for now."""
        return self._wrote_at + _BETWEEN_WRITES - _now()

    def note_creations(self, *, refusal: Refusal | None, accepted: bool) -> bool:
        """Takes what came of creations; returns whether what is to be said of a refusal has changed."""
        before = self.refusal
        if refusal:
            self._refused_until = _now() + _REFUSAL_DELAYS[min(self._refusals, len(_REFUSAL_DELAYS) - 1)]
            self._refusals += 1
            self.refusal = replace(refusal, room_made_at=before.room_made_at if before else None)
        elif accepted:
            self.refusal, self._refused_until, self._refusals, self._occupied = None, float("-inf"), 0, None
        if refusal or accepted:
            self._freed = 0
        return self.refusal != before

    def note_room(self, actions: Iterable[Action], outcome: Outcome, now: datetime) -> None:
        """Note when finished Jobs or pods were deleted while a quota that counts them refuses creations."""
        deletions = (action for action in actions if isinstance(action, DeleteJob | DeletePod))
        deleted = any(backoff.subject(action) not in outcome.failed for action in deletions)
        if deleted and self.refusal and self.refusal.counts_objects:
            self.refusal = replace(self.refusal, room_made_at=now)

    def saw(self, observed: Observed) -> None:
        """Note what there is while creations are refused: what has ended or gone may have made room in a quota."""
        if self.refusal is None:
            return
        pods = [pod for case in observed.cases for pod in case.pods if not pod.gone]
        occupied = len(pods) + sum(pod.live for pod in pods) + sum(case.job is not None for case in observed.cases)
        if self._occupied is not None and occupied < self._occupied:
            self._freed += self._occupied - occupied
            self._refusals = 0
        self._occupied = occupied

    def note_calls(self, actions: Iterable[Action], outcome: Outcome) -> None:
        """Note which calls of the actions failed, and which did not."""
        for call in {backoff.subject(action) for action in actions}:
            if call not in outcome.failed or (call == backoff.CREATE and outcome.accepted):
                self.calls.worked(call)
            if call in outcome.failed:
                self.calls.failed(call)

    def permitted(self, actions: tuple[Action, ...]) -> tuple[Action, ...]:
        """Leave out what failed a moment ago, and creations while the API server refuses them.

        One creation is left in when it is time to try again, and as many as have ended or gone since the last try.
        """
        actions = tuple(action for action in actions if not self.calls.holds(backoff.subject(action)))
        if self.refusal is None and self.calls.failures(backoff.CREATE) < _FAILED_FOR_ALL:
            return actions
        creations = [action for action in actions if isinstance(action, CreateCase | StartAttempt)]
        others = tuple(action for action in actions if not isinstance(action, CreateCase | StartAttempt))
        if _now() < self._refused_until and not self._freed:
            return others
        return (*others, *creations[: max(self._freed, 1)])

    def until_look(self, plan: Plan, now: datetime) -> float | None:
        """Returns in how many seconds to plan anew, None for when something changes.

        Not at once for what is refused, and not later than it may be tried again.
        """
        refused = self._refused_until - _now()
        if plan.look_again is None:
            return refused if refused > 0 else None
        # What could not be tried is no reason to plan it again at once.
        wait = max((plan.look_again - now).total_seconds(), 0.0) or self.calls.until_next() or 0.0
        if refused <= 0:
            return wait
        return min(wait, refused) if wait else refused


def _now() -> float:
    return asyncio.get_running_loop().time()
