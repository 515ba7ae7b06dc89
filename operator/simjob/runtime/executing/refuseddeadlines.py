"""Remember which pod deadlines the API server has rejected, and when each may be tried again.

A rejection can be temporary: a role that is not in effect yet, or a webhook that was down. It can also be permanent, by
a policy: after six tries the operator leaves the deadline with which the pod was created.
"""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

TRIES: Final = 6
# Seconds, doubled with each rejection.
FIRST_DELAY: Final = 10.0
_REMEMBERED: Final = 10_000


@dataclass(slots=True)
class _Refused:
    times: int = 0
    until: float = 0.0


class Deadlines:
    """The rejections, by pod uid. Use it in one event loop only."""

    def __init__(self) -> None:
        self._refused: OrderedDict[str, _Refused] = OrderedDict()

    def may_try(self, uid: str) -> bool:
        """Return whether a pod's deadline may be lowered now."""
        found = self._refused.get(uid)
        return found is None or (found.times < TRIES and found.until <= _now())

    def next_try(self, uid: str) -> float | None:
        """Return when a rejected deadline may be tried again, by the event loop's clock; None for no more tries."""
        found = self._refused.get(uid)
        return found.until if found and found.times < TRIES else None

    def refused(self, uid: str) -> bool:
        """Record a rejection; return whether it is the first for this pod."""
        found = self._refused.setdefault(uid, _Refused())
        found.until = _now() + FIRST_DELAY * 2.0**found.times
        found.times += 1
        if len(self._refused) > _REMEMBERED:
            self._refused.popitem(last=False)
        return found.times == 1

    def accepted(self, uid: str) -> None:
        """Drop the rejections of a pod."""
        self._refused.pop(uid, None)


def _now() -> float:
    return asyncio.get_running_loop().time()
