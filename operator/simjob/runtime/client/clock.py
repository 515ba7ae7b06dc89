"""The clock of the operator: the API server's time, estimated from the Date header of its responses.

Creation and deletion timestamps come from the API server. Compared with the clock of another machine they would make
timeouts too short or too long. A Date header has whole seconds, but each response narrows the possible offset.

Several API servers behind one address may disagree. The clock that is ahead is used, so that the estimate does not
jump with each response. When the estimate falls, `now` runs at half speed until it agrees; it goes back only when a
clock was set. A clock that is minutes away from the others is wrong: it is used only if it is nearer to this machine's
own clock, or if no other API server responds.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

# Seconds. A response that took longer is too imprecise to use.
_SLOW: Final = 2.0
# Seconds without a response that confirms the current estimate. After them, a contradicting response replaces it.
_AGREED: Final = 60.0
# Seconds. If two clocks differ by more than this, one of them is wrong or was set.
_FAR: Final = 60.0


class ServerClock:
    """Return the API server's time. `monotonic` counts seconds and never jumps; `wall` serves until the first response.

    Internally: API server time minus `monotonic` lies between `_least` and `_most`. Each response narrows the two.
    """

    def __init__(self, monotonic: Callable[[], float], wall: Callable[[], datetime]) -> None:
        self._monotonic = monotonic
        self._wall = wall
        offset = wall().timestamp() - monotonic()
        self._least, self._most = offset, offset
        self._heard_at: float | None = None
        # Since when every response has been far from the current estimate.
        self._contradicted_at: float | None = None
        self._returned = float("-inf")
        self._returned_at = 0.0

    def now(self) -> datetime:
        """Return the estimated time of the API server, as an aware datetime in UTC."""
        at = self._monotonic()
        estimate = at + (self._least + self._most) / 2
        # Run at half speed until the estimate has caught up.
        slowed = self._returned + (at - self._returned_at) / 2
        if estimate < slowed <= estimate + _FAR:
            estimate = slowed
        self._returned, self._returned_at = estimate, at
        return datetime.fromtimestamp(0, UTC) + timedelta(seconds=estimate)

    def start(self) -> float:
        """Return the start time of a request, to pass to `answered`."""
        return self._monotonic()

    def answered(self, sent: float, date: str | None) -> None:
        """Update the estimate from a response's Date header (RFC 9110, section 6.6.1).

        `sent` is the value that `start` returned. A header that is missing or malformed is ignored.
        """
        received = self._monotonic()
        if date is None or received - sent > _SLOW:
            return
        try:
            second = parsedate_to_datetime(date).timestamp()
        except ValueError:
            return
        # The header was written between `sent` and `received`, within the second that it names.
        least, most = second - received, second + 1 - sent
        if self._heard_at is None:
            self._replace(least, most, received)
        elif least <= self._most and self._least <= most:
            self._replace(max(least, self._least), min(most, self._most), received)
        elif self._counts(least, most, received, self._heard_at):
            self._replace(least, most, received)

    def _counts(self, least: float, most: float, received: float, heard_at: float) -> bool:
        """Return whether to replace the estimate by a response that contradicts it."""
        if max(least - self._most, self._least - most) <= _FAR:
            return least > self._most or received - heard_at > _AGREED
        own = self._wall().timestamp() - received
        if abs(own - (least + most) / 2) < abs(own - (self._least + self._most) / 2):
            return True
        if self._contradicted_at is None:
            self._contradicted_at = received
        return received - self._contradicted_at > _AGREED

    def _replace(self, least: float, most: float, heard_at: float) -> None:
        self._least, self._most, self._heard_at, self._contradicted_at = least, most, heard_at, None
