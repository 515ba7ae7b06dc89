"""What came of writing down the cases that the spec does not hold itself."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Unprepared:
    """Why the cases could not be written down, found out at `at`.

    `permanent`: they never can. `tries`: how often in a row that was found.
    """

    reason: str
    message: str
    at: datetime
    permanent: bool = False
    tries: int = 1
