"""An adaptive concurrency limit: it rises while the API server is fast, and falls when it is slow or rejects requests.

The algorithm is multiplicative increase, multiplicative decrease (MIMD), driven by latency. As in the gradient limit of
https://github.com/Netflix/concurrency-limits, a recent mean latency is compared with a reference; here the reference
is the best mean of a round, and a round is `limit` responses. AIMD, the rule of TCP
(https://www.rfc-editor.org/rfc/rfc5681#section-3.1), adds one per round: it needs 112 rounds from 8 to 120, this four.

All clients of the API server share its processors, so the latency of our requests shows how long others wait.
runtime/client/requestbudget.py enforces the limit.
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
# Seconds between two cuts after rejections. The rejections of one burst arrive together and cause one cut.
_APART: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How a limit moves.

    It starts at `first`. A round is slow if its mean latency is above `soon` seconds and above twice the best round.
    After a round that is not slow, and in which requests had to wait, the limit is multiplied by `more`.
    It does not fall below `least`. While it is below `least`, it grows at any latency.
    """

    first: int
    least: int
    more: float
    soon: float


# A person at kubectl notices when requests take longer than `soon`, because each command sends several.
CREATIONS: Final = Pace(first=16, least=16, more=1.25, soon=0.25)
# Start low: when several jobs are cancelled at once, the deletions of the first must not take the CPU that planning the
# others needs. On an idle API server with two cores the limit reaches 120 within a fifth of a second.
DELETIONS: Final = Pace(first=8, least=32, more=2.0, soon=0.5)


class Limiter:
    """The current limit of one kind of request, between 1 and `most`. It follows the measured latencies."""

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
        """Record that a request had to wait. Only then does a fast round raise the limit."""
        self._wanted_more = True

    def rested(self) -> None:
        """Record that no request was in flight: start again at `first`, because the load may have changed."""
        self._move(1.0)
        self.limit = self._first

    async def timed(self, call: Awaitable[T]) -> T:
        """Await a request, record its latency or failure, and return its result. The caller holds a place."""
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
        """Record the latency of a request in seconds. After `limit` of them the limit moves."""
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
        """Record that a request was rejected or got no response, and cut the limit: the API server is overloaded."""
        now = asyncio.get_running_loop().time()
        if now - self._cut_at >= _APART:
            self._cut_at = now
            self._move(_REFUSED)

    def _move(self, factor: float) -> None:
        self._answers, self._seconds, self._wanted_more = 0, 0.0, False
        floor = min(float(self._least), self.limit)
        self.limit = min(float(self._most), max(floor, self.limit * factor))
