"""How many creations may be in flight: more while the API server answers soon, fewer when it does not.

Multiplicative increase and decrease, by the mean time of as many answers as there are places (runtime/budget.py hands
the places out). Every other client of the API server waits for the same processors, so the time of our creations
shows how long others wait.
"""

import asyncio
from collections.abc import Awaitable
from typing import Final, TypeVar

from simjob.runtime.errors import ClusterError, UnavailableError

T = TypeVar("T")

# Seconds. An API server that takes longer is busy: a person at kubectl, whose commands are several requests, notices.
SOON: Final = 0.25
# Overloaded above this multiple of the best mean latency. A constant delay (webhook, distance) raises both, and is no
# reason to slow down.
_LOADED: Final = 2.0
_LEAST: Final = 16
_MORE: Final = 1.25
_LESS: Final = 0.8
_REFUSED: Final = 0.5
# Seconds between two cuts for refusals: those of one burst come together.
_APART: Final = 1.0


class Limiter:
    """The number of creations at a time. It follows the answers, between `_LEAST` and `most`."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.limit = float(min(_LEAST, most))
        self._quickest = float("inf")
        self._answers = 0
        self._seconds = 0.0
        self._wanted_more = False
        self._cut_at = float("-inf")

    def wanted(self) -> None:
        """Take note that a creation has to wait, so that quick answers raise the limit."""
        self._wanted_more = True

    async def timed(self, call: Awaitable[T]) -> T:
        """Await a creation of a caller that holds a place; its time, or its failure, moves the limit."""
        now = asyncio.get_running_loop().time
        started = now()
        try:
            answer = await call
        except UnavailableError:
            self.refused()
            raise
        except ClusterError:
            self.answered(now() - started)
            raise
        self.answered(now() - started)
        return answer

    def answered(self, seconds: float) -> None:
        """Take the latency of a creation; after as many as there are places the limit moves."""
        self._answers += 1
        self._seconds += seconds
        if self._answers < self.limit:
            return
        mean = self._seconds / self._answers
        self._quickest = min(self._quickest, mean)
        if mean > max(SOON, _LOADED * self._quickest):
            self._move(_LESS)
        else:
            self._move(_MORE if self._wanted_more else 1.0)

    def refused(self) -> None:
        """Take note that a creation was turned away, or not answered: the API server has too many of them."""
        now = asyncio.get_running_loop().time()
        if now - self._cut_at >= _APART:
            self._cut_at = now
            self._move(_REFUSED)

    def _move(self, factor: float) -> None:
        self._answers, self._seconds, self._wanted_more = 0, 0.0, False
        self.limit = min(float(self._most), max(float(min(_LEAST, self._most)), self.limit * factor))
