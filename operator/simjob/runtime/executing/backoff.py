"""Calls for one SimulationJob that failed, and when each may be tried again.

Each call has a backoff of its own, not the SimulationJob: passes go on as events come, so that one refused write
holds up nothing else, and no event shortens the wait of a call that failed.
"""

import asyncio
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from simjob.core.plan import Action, CreateCase, DeletePod, DeleteSimulationJob, LimitRun, PrepareCases, StartAttempt
from simjob.runtime.client.errors import ClusterError

# Names of calls that are not an action on a certain object.
CATCH_UP: Final = "catch up"
CREATE: Final = "create"
DEFECT: Final = "defect"
PREPARE: Final = "prepare"
READ: Final = "read"
STATUS: Final = "status"

# Seconds after which a call that nobody tries again is forgotten, with the object that it was about.
_FORGOTTEN: Final = 60.0


@dataclass(slots=True)
class _Streak:
    """Failures in a row: how many, since when, until when the call rests."""

    failures: int
    since: float
    until: float


class Backoffs:
    """Backoffs by call. `delay` returns the seconds to wait after a number of earlier failures."""

    def __init__(self, delay: Callable[[int], float]) -> None:
        self._delay = delay
        self._streaks: dict[Hashable, _Streak] = {}

    def failed(self, call: Hashable, *, at_once: bool = False) -> None:
        """Note a failure. `at_once`: the first one in a row delays nothing, since the next try differs."""
        now = _now()
        streak = self._streaks.setdefault(call, _Streak(0, now, now))
        earlier = streak.failures - 1 if at_once else streak.failures
        streak.until = now + (self._delay(earlier) if earlier >= 0 else 0.0)
        streak.failures += 1

    def worked(self, call: Hashable) -> None:
        """Note that the call got through: its next failure is a first one."""
        self._streaks.pop(call, None)

    @contextmanager
    def trying(self, call: Hashable) -> Iterator[None]:
        """Note how the block ends."""
        try:
            yield
        except ClusterError:
            self.failed(call)
            raise
        self.worked(call)

    def holds(self, call: Hashable) -> bool:
        """Return whether the call may not be tried yet."""
        streak = self._streaks.get(call)
        return streak is not None and _now() < streak.until

    def failures(self, call: Hashable) -> int:
        """Return how often the call has failed in a row."""
        streak = self._streaks.get(call)
        return streak.failures if streak else 0

    def failing_for(self, call: Hashable) -> float:
        """Return for how many seconds the call has failed; 0 if it has not."""
        streak = self._streaks.get(call)
        return _now() - streak.since if streak else 0.0

    def until_next(self) -> float | None:
        """Return in how many seconds the next call may be tried again; None if none waits."""
        now = _now()
        for call in [call for call, streak in self._streaks.items() if streak.until + _FORGOTTEN < now]:
            del self._streaks[call]
        return min((streak.until - now for streak in self._streaks.values() if streak.until > now), default=None)


def subject(action: Action) -> Hashable:
    """Return the call that an action is: by Job, since a Job's actions have an order, or by pod where it is deleted.

    All creations of a SimulationJob are one: they share a template, and one of them shows what the others would meet.
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
