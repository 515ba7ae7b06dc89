"""Why a case's Job or pod could not be created, as the planner sees it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

# The kind of a refusal if the case could not be read from the case table, so that no Job was created.
CASE_TABLE: Final = "CaseTable"
# After this number of deletions to make room without a successful creation, the operator stops deleting kept Jobs:
# other programs take the room.
VAIN: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a Job or a pod was not created.

    `kind`: Job, Pod, or CASE_TABLE.
    `invalid`: the object itself is invalid; otherwise it may be accepted later.
    `lasted`: every attempt was answered so, for the time in the settings. `others`: other cases were refused, too.
    `alone`: creations of other cases succeed.
    `unavailable`: the API server did not answer about the object.
    `counts_objects`: a quota on the number of objects is used up, in which finished Jobs or pods count.
    `room_made_at`: when finished Jobs or pods were last deleted for it. `rooms_made`: how often, without a successful
    creation since.
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
        """Whether other programs use up the quota, so that deleting more kept Jobs does not help."""
        return self.counts_objects and self.rooms_made >= VAIN
