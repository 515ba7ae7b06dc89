"""Which pods' deadlines the API server has refused, and when each may be tried again.

A refusal can pass: RBAC that a new role has not reached yet, a webhook that was down. It can also be a policy that
stays: after some tries the deadline that the pod was made with holds.
"""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

TRIES: Final = 6
# Seconds; doubled with each refusal.
FIRST_DELAY: Final = 10.0
_REMEMBERED: Final = 10_000


@dataclass(slots=True)
class _Refused:
    times: int = 0
    until: float = 0.0


class Deadlines:
    """The refusals, by the pod's uid. Belongs to one event loop."""

    def __init__(self) -> None:
        self._refused: OrderedDict[str, _Refused] = OrderedDict()

    def may_try(self, uid: str) -> bool:
        """Return whether a pod's deadline may be lowered now."""
        found = self._refused.get(uid)
        return found is None or (found.times < TRIES and found.until <= _now())

    def next_try(self, uid: str) -> float | None:
        """Return when a refused deadline may be tried again, by the event loop's clock; None if it will not be."""
        found = self._refused.get(uid)
        return found.until if found and found.times < TRIES else None

    def refused(self, uid: str) -> bool:
        """Take note of a refusal; return whether it is the pod's first."""
        found = self._refused.setdefault(uid, _Refused())
        found.until = _now() + FIRST_DELAY * 2.0**found.times
        found.times += 1
        if len(self._refused) > _REMEMBERED:
            self._refused.popitem(last=False)
        return found.times == 1

    def accepted(self, uid: str) -> None:
        """Forget a pod's refusals."""
        self._refused.pop(uid, None)


def _now() -> float:
    return asyncio.get_running_loop().time()
