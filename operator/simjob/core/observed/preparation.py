"""The result of copying cases to the case table, if it failed."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Unprepared:
    """Why the cases could not be copied to the case table, as found at the time `at`.

    `permanent`: it never will succeed. `tries`: how often in a row this was the result.
    """

    reason: str
    message: str
    at: datetime
    permanent: bool = False
    tries: int = 1
