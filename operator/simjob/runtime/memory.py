"""What this process knows of one job beside the cluster: names it used, what was refused, when it wrote.

Losing it costs calls, never a case. Times are the event loop's, which do not jump as a wall clock may.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from simjob.core.observed import Refusal
from simjob.core.plan import Action, CreateCase, Plan, StartAttempt

_BETWEEN_WRITES: Final = 1.0
_REFUSAL_DELAYS: Final = (1.0, 2.0, 4.0, 8.0, 10.0)


@dataclass(slots=True)
class Memory:
    """One job's.

    `spent`: the cases whose Jobs of `round` were made or seen; None as long as another process may have made some.
    `planning`: seconds that the last plan took.
    """

    round: int = -1
    spent: set[int] | None = None
    planning: float = 0.0
    refusal: Refusal | None = None
    _refusals: int = 0
    _refused_until: float = float("-inf")
    _wrote_at: float = float("-inf")

    def wrote(self) -> None:
        """Takes note of a status write."""
        self._wrote_at = _now()

    def until_write(self) -> float:
        """Returns in how many seconds a status may be written again; not more than 0 for now."""
        return self._wrote_at + _BETWEEN_WRITES - _now()

    def note_creations(self, *, refusal: Refusal | None, accepted: bool) -> bool:
        """Takes what came of creations; returns whether what is to be said of a refusal has changed."""
        before = self.refusal
        if refusal:
            self._refused_until = _now() + _REFUSAL_DELAYS[min(self._refusals, len(_REFUSAL_DELAYS) - 1)]
            self._refusals += 1
            self.refusal = refusal
        elif accepted:
            self.refusal, self._refused_until, self._refusals = None, float("-inf"), 0
        return self.refusal != before

    def permitted(self, actions: tuple[Action, ...]) -> tuple[Action, ...]:
        """Leaves out creations while the API server refuses them, but for one that tries again when it is time."""
        if self.refusal is None:
            return actions
        creations = [action for action in actions if isinstance(action, CreateCase | StartAttempt)]
        others = tuple(action for action in actions if not isinstance(action, CreateCase | StartAttempt))
        return others if _now() < self._refused_until else (*others, *creations[:1])

    def until_look(self, plan: Plan, now: datetime) -> float | None:
        """Returns in how many seconds to plan anew, None for when something changes.

        Not at once for what is refused, and not later than it may be tried again.
        """
        refused = self._refused_until - _now()
        if plan.look_again is None:
            return refused if refused > 0 else None
        wait = max((plan.look_again - now).total_seconds(), 0.0)
        if refused <= 0:
            return wait
        return min(wait, refused) if wait else refused


def _now() -> float:
    return asyncio.get_running_loop().time()
