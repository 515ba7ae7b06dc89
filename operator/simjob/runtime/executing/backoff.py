"""The backoff of failed calls for one SimulationJob.

Each call has its own backoff, not the SimulationJob as a whole. Passes continue as events arrive, so a rejected write
delays nothing else, and no event shortens the backoff of a failed call.
"""

import asyncio
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from simjob.core.plan import Action, CreateCase, DeletePod, DeleteSimulationJob, LimitRun, PrepareCases, StartAttempt
from simjob.runtime.client.errors import ClusterError

# Names of calls that do not act on one particular object.
CATCH_UP: Final = "catch up"
CREATE: Final = "create"
DEFECT: Final = "defect"
PREPARE: Final = "prepare"
READ: Final = "read"
STATUS: Final = "status"

# Seconds after the end of its backoff until a call that is not repeated is dropped. Its object may be gone.
_FORGOTTEN: Final = 60.0


@dataclass(slots=True)
class _Streak:
    """Failures of a call in a row: their number, the time of the first, and the end of the backoff."""

    failures: int
    since: float
    until: float


class Backoffs:
    """The backoff of each call. `delay` maps the number of earlier failures to the seconds to wait."""

    def __init__(self, delay: Callable[[int], float]) -> None:
        self._delay = delay
        self._streaks: dict[Hashable, _Streak] = {}
        self._held: set[Hashable] = set()

    def failed(self, call: Hashable, *, at_once: bool = False) -> None:
        """Record a failure. With `at_once`, the first in a row causes no delay, because the next try differs."""
        now = _now()
        streak = self._streaks.setdefault(call, _Streak(0, now, now))
        earlier = streak.failures - 1 if at_once else streak.failures
        streak.until = now + (self._delay(earlier) if earlier >= 0 else 0.0)
        streak.failures += 1

    def worked(self, call: Hashable) -> None:
        """Record a success, which ends the streak of failures."""
        self._streaks.pop(call, None)

    @contextmanager
    def trying(self, call: Hashable) -> Iterator[None]:
        """Record a failure if the block raises ClusterError, otherwise a success."""
        try:
            yield
        except ClusterError:
            self.failed(call)
            raise
        self.worked(call)

    def holds(self, call: Hashable) -> bool:
        """Return whether the call is still backing off."""
        streak = self._streaks.get(call)
        if streak is None or _now() >= streak.until:
            return False
        self._held.add(call)
        return True

    def failures(self, call: Hashable) -> int:
        """Return how often the call has failed in a row."""
        streak = self._streaks.get(call)
        return streak.failures if streak else 0

    def failing_for(self, call: Hashable) -> float:
        """Return the seconds since the first failure in a row; 0 if the last try succeeded."""
        streak = self._streaks.get(call)
        return _now() - streak.since if streak else 0.0

    def until_next(self) -> float | None:
        """Return the seconds until the first backoff ends; None if no call is backing off.

        It is 0 if a backoff held a call in this pass and has ended since: that call still needs a pass.
        """
        now = _now()
        old = [call for call, streak in self._streaks.items() if streak.until + _FORGOTTEN < now]
        for call in old:
            if call not in self._held:
                del self._streaks[call]
        due = [streak.until for call, streak in self._streaks.items() if streak.until > now or call in self._held]
        return max(min(due) - now, 0.0) if due else None

    def end_pass(self) -> float | None:
        """Return `until_next`, and forget which calls were held in this pass."""
        wait = self.until_next()
        self._held.clear()
        return wait


def subject(action: Action) -> Hashable:
    """Return the name under which an action backs off.

    It is the uid of the Job, because the actions on a Job are ordered; for a deletion, the uid of the deleted object.
    All creations of a SimulationJob share one name: they have the same template, so they fail for the same reasons.
    """
    match action:
        case CreateCase() | StartAttempt():
            return CREATE
        case PrepareCases():
            return PREPARE
        case DeletePod():
            return action.pod.uid
        case LimitRun():
            return action.pod.job_uid
        case DeleteSimulationJob():
            return action.uid
        case _:
            return action.job.uid


def _now() -> float:
    return asyncio.get_running_loop().time()
