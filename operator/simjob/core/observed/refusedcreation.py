"""Why the cluster does not take a case's Job or pod, as the planner sees it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

# The kind of a refusal whose case could not be read, so that no Job was sent.
CASE_TABLE: Final = "CaseTable"
# How often room is made with nothing created after it. Then somebody else takes the room, and what is kept stays.
VAIN: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a Job or pod was not created.

    `kind`: Job, Pod, or CASE_TABLE.
    `invalid`: the API server says that the object is wrong, not that it may not be created now.
    `lasted`: it has said so for as long as the settings give it, and nothing else. `others`: of other cases too.
    `alone`: creations of other cases work.
    `unavailable`: the API server did not say anything about the object.
    `counts_objects`: a quota of objects is used up, in which finished Jobs or pods count too. `room_made_at`: when some
    of them were last deleted for it; `rooms_made`: how often, with nothing created since.
    """

    index: int
    kind: str
    message: str
    case_name: str = ""
    invalid: bool = False
    lasted: bool = False
    others: bool = False
    alone: bool = False
    unavailable: bool = False
    counts_objects: bool = False
    room_made_at: datetime | None = None
    rooms_made: int = 0

    @property
    def has_given_up(self) -> bool:
        """Whether a quota that counts what is kept is filled by others: deleting more would help nobody."""
        return self.counts_objects and self.rooms_made >= VAIN
