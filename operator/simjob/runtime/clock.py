"""The one clock of the operator: the API server's, learnt from the Date header of its answers.

Creation and deletion times are the API server's; compared with the clock of another machine they would make time-outs
too short or too long. A Date has whole seconds, but each answer narrows down what the difference can be.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

# An answer that took longer says nothing that others do not say better.
_SLOW: Final = 2.0


class ServerClock:
    """Tells the API server's time. `monotonic` counts seconds and never jumps; `wall` is taken until the first answer.

    The API server's time less that of `monotonic` lies between two bounds that come nearer to each other.
    """

    def __init__(self, monotonic: Callable[[], float], wall: Callable[[], datetime]) -> None:
        self._monotonic = monotonic
        offset = wall().timestamp() - monotonic()
        self._least, self._most = offset, offset
        self._heard = False

    def now(self) -> datetime:
        """Returns the time, aware, in UTC."""
        offset = (self._least + self._most) / 2
        return datetime.fromtimestamp(0, UTC) + timedelta(seconds=self._monotonic() + offset)

    def start(self) -> float:
        """Returns what `answered` wants to know of a request that is being sent."""
        return self._monotonic()

    def answered(self, sent: float, date: str | None) -> None:
        """Takes an answer's Date header (RFC 9110); `sent` is what `start` returned."""
        received = self._monotonic()
        if date is None or received - sent > _SLOW:
            return
        try:
            second = parsedate_to_datetime(date).timestamp()
        except ValueError:
            return
        # It was written between the two, within the second that it names.
        least, most = second - received, second + 1 - sent
        if self._heard and least <= self._most and self._least <= most:
            self._least, self._most = max(least, self._least), min(most, self._most)
        else:
            # The first answer, or a clock that was set or drifted: what was learnt before is no longer true.
            self._least, self._most, self._heard = least, most, True
