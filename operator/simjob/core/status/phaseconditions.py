"""The conditions of a job, derived from its phase."""

from datetime import datetime

from simjob.api import conditions
from simjob.api.conditions import Condition, ConditionStatus
from simjob.api.status import MAX_STATUS_MESSAGE, Phase
from simjob.core.decision import Saying


def set_conditions(
    stored: tuple[Condition, ...], saying: Saying, generation: int, now: datetime
) -> tuple[Condition, ...]:
    """Return all conditions for what is said. A transition time changes only if the condition's status changes."""
    phase = saying.phase
    terminal = phase.is_terminal
    succeeded: ConditionStatus = "Unknown"
    if terminal:
        succeeded = "True" if phase is Phase.COMPLETED else "False"
    statuses: dict[str, ConditionStatus] = {
        conditions.FINISHED: _status(terminal),
        conditions.SUCCEEDED: succeeded,
        conditions.CANCELLED: _status(phase is Phase.CANCELLED),
        conditions.SUSPENDED: _status(phase is Phase.SUSPENDED),
        conditions.RECONCILING: _status(not (terminal or saying.stalled) and phase is not Phase.SUSPENDED),
        conditions.STALLED: _status(saying.stalled or phase is Phase.FAILED),
    }
    if saying.queued or conditions.find_condition(stored, conditions.QUEUED):
        # Most jobs have no queue, and need no condition about it.
        statuses[conditions.QUEUED] = _status(saying.queued)
    for type_, status in statuses.items():
        stored = conditions.set_condition(
            stored,
            type_,
            status,
            reason=saying.reason,
            message=saying.message[:MAX_STATUS_MESSAGE],
            generation=generation,
            now=now,
        )
    return stored


def _status(value: bool) -> ConditionStatus:
    return "True" if value else "False"
