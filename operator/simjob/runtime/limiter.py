"""How many creations are under way: as many as the API server answers soon, fewer when it does not.

Multiplicative increase and decrease, by the mean time of as many answers as there are places. Whatever else asks the
API server is answered in about the same time, because all wait for the same processors, so the time of our own
creations tells how long others wait.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Final, TypeVar

from simjob.runtime.errors import ClusterError, UnavailableError

T = TypeVar("T")

# Seconds. An API server that takes longer is busy: a person at kubectl, whose commands are several requests, notices.
SOON: Final = 0.25
# Times the quickest mean. Where each takes long whoever asks, by a webhook or by distance, fewer help nobody.
_LOADED: Final = 2.0
_LEAST: Final = 16
_MORE: Final = 1.25
_LESS: Final = 0.8
_REFUSED: Final = 0.5
# Seconds between two cuts for refusals: those of one burst come together.
_APART: Final = 1.0


class Limiter:
    """Places for creations, handed out in order. Their number follows the answers, between `_LEAST` and `most`."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.limit = float(min(_LEAST, most))
        self._quickest = float("inf")
        self._taken = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._answers = 0
        self._seconds = 0.0
        self._wanted_more = False
        self._cut_at = float("-inf")

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Waits for a place and holds it."""
        await self._take()
        try:
            yield
        finally:
            self._taken -= 1
            self._hand_out()

    async def timed(self, call: Awaitable[T]) -> T:
        """Makes a call of one who holds a place; its time, or its failure, moves the limit."""
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
        """Takes how long a request took that held a place; after as many as there are places the limit moves."""
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
        self._hand_out()

    def refused(self) -> None:
        """Takes that a request was turned away, or not answered: the API server has more of us than it can bear."""
        now = asyncio.get_running_loop().time()
        if now - self._cut_at >= _APART:
            self._cut_at = now
            self._move(_REFUSED)

    def _move(self, factor: float) -> None:
        self._answers, self._seconds, self._wanted_more = 0, 0.0, False
        self.limit = min(float(self._most), max(float(min(_LEAST, self._most)), self.limit * factor))

    async def _take(self) -> None:
        if self._taken < int(self.limit) and not self._waiting:
            self._taken += 1
            return
        self._wanted_more = True
        place = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        try:
            await place
        except asyncio.CancelledError:
            # Given out already, or left in the row, where it is passed over.
            if not place.cancelled():
                self._taken -= 1
            self._hand_out()
            raise

    def _hand_out(self) -> None:
        while self._waiting and self._taken < int(self.limit):
            place = self._waiting.popleft()
            if not place.cancelled():
                self._taken += 1
                place.set_result(None)
