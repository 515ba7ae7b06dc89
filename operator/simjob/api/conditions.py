"""Conditions of a SimulationJob, one per type.

https://github.com/kubernetes/community/blob/master/contributors/devel/sig-architecture/api-conventions.md#typical-status-properties
"""

from datetime import datetime
from typing import Annotated, Final, Literal

from pydantic import Field

from simjob.api.schema import INT64_MAX, Lenient, Time, cut

FINISHED: Final = "Finished"
SUCCEEDED: Final = "Succeeded"
CANCELLED: Final = "Cancelled"
SUSPENDED: Final = "Suspended"
QUEUED: Final = "Queued"
RECONCILING: Final = "Reconciling"
STALLED: Final = "Stalled"

REASON: Final = r"^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$"
MAX_MESSAGE: Final = 32768

ConditionStatus = Literal["True", "False", "Unknown"]


class Condition(Lenient):
    """One aspect of the job's state."""

    type: Annotated[
        str,
        Field(
            min_length=1,
            max_length=316,
            description="Type of the condition: Finished, Succeeded, Cancelled, Suspended, Reconciling or Stalled, and "
            "Queued once a queue has held all cases.",
        ),
    ]
    status: Annotated[ConditionStatus, Field(description="Status of the condition: True, False or Unknown.")]
    reason: Annotated[
        str,
        Field(min_length=1, max_length=1024, pattern=REASON, description="Reason for the status, as one word."),
    ]
    message: Annotated[
        str,
        Field(max_length=MAX_MESSAGE, description="Reason for the status, as a sentence for people."),
        cut(MAX_MESSAGE),
    ]
    last_transition_time: Annotated[Time, Field(description="Time when `status` last changed.")]
    observed_generation: Annotated[
        int | None, Field(ge=0, le=INT64_MAX, description="Generation of the spec that the condition describes.")
    ] = None


def find_condition(conditions: tuple[Condition, ...], type_: str) -> Condition | None:
    """Return the condition of this type; None if it was never set."""
    return next((condition for condition in conditions if condition.type == type_), None)


def set_condition(
    conditions: tuple[Condition, ...],
    type_: str,
    status: ConditionStatus,
    *,
    reason: str,
    message: str,
    generation: int,
    now: datetime,
) -> tuple[Condition, ...]:
    """Return the conditions with this one replaced, or added at the end.

    `lastTransitionTime` becomes `now` only if the status changes. A message longer than MAX_MESSAGE is cut.
    """
    old = find_condition(conditions, type_)
    new = Condition(
        type=type_,
        status=status,
        reason=reason,
        message=message,
        last_transition_time=old.last_transition_time if old is not None and old.status == status else now,
        observed_generation=generation,
    )
    if old is None:
        return (*conditions, new)
    return tuple(new if condition is old else condition for condition in conditions)
