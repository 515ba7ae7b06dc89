"""The one clock of the operator: the API server's, learnt from the Date header of its answers.

Creation and deletion times are the API server's; compared with the clock of another machine they would make time-outs
too short or too long. A Date has whole seconds, but each answer narrows down what the difference can be.
Several API servers behind one address may differ: the one that is ahead counts, so that the estimate does not jump
with each answer. Where the estimate falls, time runs more slowly; it goes back only if a clock was set. A clock that is
minutes from the others is wrong: it counts only if it is nearer to this machine's own, or if no other answers.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

# Seconds. An answer that took longer says less than the others.
_SLOW: Final = 2.0
# Seconds without an answer that confirms the known time, after which another time counts.
_AGREED: Final = 60.0
# Seconds. Clocks that differ by more are not of the same time: one of them is wrong, or was set.
_FAR: Final = 60.0


class ServerClock:
    """Return the API server's time. `monotonic` counts seconds and never jumps; `wall` serves until the first answer.

    The API server's time less that of `monotonic` lies between two bounds that come nearer to each other.
    """

    def __init__(self, monotonic: Callable[[], float], wall: Callable[[], datetime]) -> None:
        self._monotonic = monotonic
        self._wall = wall
        offset = wall().timestamp() - monotonic()
        self._least, self._most = offset, offset
        self._heard_at: float | None = None
        # Since when all answers are of a time that is far from the known one.
        self._contradicted_at: float | None = None
        self._returned = float("-inf")
        self._returned_at = 0.0

    def now(self) -> datetime:
        """Return the time, aware, in UTC."""
        at = self._monotonic()
        estimate = at + (self._least + self._most) / 2
        # Half as fast, until the estimate has caught up.
        slowed = self._returned + (at - self._returned_at) / 2
        if estimate < slowed <= estimate + _FAR:
            estimate = slowed
        self._returned, self._returned_at = estimate, at
        return datetime.fromtimestamp(0, UTC) + timedelta(seconds=estimate)

    def start(self) -> float:
        """Return what `answered` needs to know of a request that is being sent."""
        return self._monotonic()

    def answered(self, sent: float, date: str | None) -> None:
        """Take an answer's Date header (RFC 9110); `sent` is what `start` returned."""
        received = self._monotonic()
        if date is None or received - sent > _SLOW:
            return
        try:
            second = parsedate_to_datetime(date).timestamp()
        except ValueError:
            return
        # It was written between the two, within the second that it names.
        least, most = second - received, second + 1 - sent
        if self._heard_at is None:
            self._replace(least, most, received)
        elif least <= self._most and self._least <= most:
            self._replace(max(least, self._least), min(most, self._most), received)
        elif self._counts(least, most, received, self._heard_at):
            self._replace(least, most, received)

    def _counts(self, least: float, most: float, received: float, heard_at: float) -> bool:
        """Return whether an answer that contradicts what is known counts from now on."""
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
