"""How many requests of a kind may be in flight: more while the API server answers soon, fewer when it does not.

Multiplicative increase and decrease, by the mean time of as many answers as there are places (runtime/client/budget.py
hands the places out). Every other client of the API server waits for the same processors, so the time of our requests
shows how long others wait.
"""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Final, TypeVar

from simjob.runtime.client.errors import ClusterError, UnavailableError

T = TypeVar("T")

# Overloaded above this multiple of the best mean latency. A constant delay (webhook, distance) raises both, and is no
# reason to slow down.
_LOADED: Final = 2.0
_LESS: Final = 0.8
_REFUSED: Final = 0.5
# Seconds between two cuts for refusals: those of one burst come together.
_APART: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How a limit moves. It begins with `first`, times `more` with each round of answers that took `soon` at most.

    It does not fall below `least`, and up to there it grows however long answers take.
    """

    first: int
    least: int
    more: float
    soon: float


# A person at kubectl, whose commands are several requests, notices an API server that takes longer than `soon`.
CREATIONS: Final = Pace(first=16, least=16, more=1.25, soon=0.25)
# Few at first: of several cancels at once, the first one's deletions must not take the processor that the others need
# to be planned. On an idle API server of two cores this reaches 120 at a time within a fifth of a second.
DELETIONS: Final = Pace(first=8, least=32, more=2.0, soon=0.5)


class Limiter:
    """The number of requests at a time. It follows the answers, up to `most`."""

    def __init__(self, most: int, pace: Pace) -> None:
        self._most = most
        self._least = min(pace.least, most)
        self._pace = pace
        self.limit = self._first = float(min(pace.first, most))
        self._quickest = float("inf")
        self._answers = 0
        self._seconds = 0.0
        self._wanted_more = False
        self._cut_at = float("-inf")

    def wanted(self) -> None:
        """Take note that a request has to wait, so that quick answers raise the limit."""
        self._wanted_more = True

    def rested(self) -> None:
        """Take note that none was in flight: what the API server can bear has to be found out again."""
        self._move(1.0)
        self.limit = self._first

    async def timed(self, call: Awaitable[T]) -> T:
        """Await a request of a caller that holds a place; its time, or its failure, moves the limit."""
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
        """Take the latency of a request; after as many as there are places the limit moves."""
        self._answers += 1
        self._seconds += seconds
        if self._answers < self.limit:
            return
        mean = self._seconds / self._answers
        self._quickest = min(self._quickest, mean)
        if self.limit >= self._least and mean > max(self._pace.soon, _LOADED * self._quickest):
            self._move(_LESS)
        else:
            self._move(self._pace.more if self._wanted_more else 1.0)

    def refused(self) -> None:
        """Take note that a request was turned away, or not answered: the API server has too many of them."""
        now = asyncio.get_running_loop().time()
        if now - self._cut_at >= _APART:
            self._cut_at = now
            self._move(_REFUSED)

    def _move(self, factor: float) -> None:
        self._answers, self._seconds, self._wanted_more = 0, 0.0, False
        floor = min(float(self._least), self.limit)
        self.limit = min(float(self._most), max(floor, self.limit * factor))
