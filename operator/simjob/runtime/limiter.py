"""How many creations are under way: as many as the API server answers soon, fewer as soon as it does not.

Additive or multiplicative increase and multiplicative decrease, as TCP shares a line that nobody manages. Whatever else
asks the API server is answered in about the same time, because all wait for the same processors, so the time of our own
creations tells how long others wait.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

# Seconds. An API server that takes longer is busy: a person at kubectl, whose commands are several requests, notices.
SOON: Final = 0.25
_LEAST: Final = 4
_FIRST: Final = 16
_MORE: Final = 1.25
_LESS: Final = 0.8
_REFUSED: Final = 0.5
# Seconds between two cuts for refusals: those of one burst come together.
_APART: Final = 1.0


class Limiter:
    """Places for requests, handed out in order. Their number follows the answers, between `_LEAST` and `most`."""

    def __init__(self, most: int, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._monotonic = monotonic
        self.limit = float(min(_FIRST, most))
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

    def answered(self, seconds: float) -> None:
        """Takes how long a request took that held a place; after as many as there are places the limit moves."""
        self._answers += 1
        self._seconds += seconds
        if self._answers < self.limit:
            return
        if self._seconds / self._answers > SOON:
            self._move(_LESS)
        elif self._wanted_more:
            self._move(_MORE)
        self._answers, self._seconds, self._wanted_more = 0, 0.0, False
        self._hand_out()

    def refused(self) -> None:
        """Takes a 429: the API server has more of us than it wants."""
        now = self._monotonic()
        if now - self._cut_at >= _APART:
            self._cut_at = now
            self._move(_REFUSED)
            self._answers, self._seconds, self._wanted_more = 0, 0.0, False

    def _move(self, factor: float) -> None:
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
