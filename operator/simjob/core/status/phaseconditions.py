"""The conditions of a job, derived from its phase."""

from datetime import datetime

from simjob.api import conditions
from simjob.api.conditions import Condition, Truth
from simjob.api.status import MAX_STATUS_MESSAGE, Phase
from simjob.core.decision import Saying


def set_conditions(
    stored: tuple[Condition, ...], saying: Saying, generation: int, now: datetime
) -> tuple[Condition, ...]:
    """Return all conditions for the phase. A transition time changes only if the condition's status changes."""
    phase = saying.phase
    terminal = phase.is_terminal
    succeeded: Truth = "Unknown"
    if terminal:
        succeeded = "True" if phase is Phase.COMPLETED else "False"
    truths: dict[str, Truth] = {
        conditions.FINISHED: _truth(terminal),
        conditions.SUCCEEDED: succeeded,
        conditions.CANCELLED: _truth(phase is Phase.CANCELLED),
        conditions.SUSPENDED: _truth(phase is Phase.SUSPENDED),
        conditions.RECONCILING: _truth(not (terminal or saying.stalled) and phase is not Phase.SUSPENDED),
        conditions.STALLED: _truth(saying.stalled or phase is Phase.FAILED),
    }
    for type_, truth in truths.items():
        stored = conditions.set_condition(
            stored,
            type_,
            truth,
            reason=saying.reason,
            message=saying.message[:MAX_STATUS_MESSAGE],
            generation=generation,
            now=now,
        )
    return stored


def _truth(value: bool) -> Truth:
    return "True" if value else "False"
