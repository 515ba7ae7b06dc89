"""The time in which a job could not run: it was suspended, a queue held all of it, or its spec could not be read.

It does not count against `totalSeconds`.
"""

from datetime import datetime

from simjob.api import conditions
from simjob.api.conditions import Condition
from simjob.api.names import Reason
from simjob.api.status import Phase, Status
from simjob.core.decision import Saying


def seconds(status: Status, now: datetime) -> int:
    """Return the seconds in which the job could not run, in all, up to `now`."""
    since = _held_since(status)
    current = max(int((now - since).total_seconds()), 0) if since else 0
    return (status.suspended_seconds or 0) + current


def _held_since(status: Status) -> datetime | None:
    """Return since when the job cannot run; None if it can."""
    if status.phase is Phase.SUSPENDED:
        found = conditions.find_condition(status.conditions, conditions.SUSPENDED)
    elif status.reason == Reason.UNREADABLE_SPEC:
        found = conditions.find_condition(status.conditions, conditions.STALLED)
    else:
        return queued_since(status)
    return found.last_transition_time if found else None


def queued_since(status: Status) -> datetime | None:
    """Return since when a queue has held all cases; None if it does not."""
    found = conditions.find_condition(status.conditions, conditions.QUEUED)
    # An older operator leaves the condition as it is. Then its reason is not that of the status.
    is_current = found is not None and found.status == "True" and found.reason == status.reason
    return found.last_transition_time if found and is_current else None


def without_stale_hold(stored: Status) -> tuple[Condition, ...]:
    """Return the stored conditions, without Queued if an older operator has left it True: its time is not current."""
    if queued_since(stored) is not None:
        return stored.conditions
    return tuple(found for found in stored.conditions if (found.type, found.status) != (conditions.QUEUED, "True"))


def without_queue(stored: Status, now: datetime) -> int | None:
    """Return the seconds to store in a status that says that no queue holds the job."""
    return seconds(stored, now) if queued_since(stored) else stored.suspended_seconds


def to_store(stored: Status, saying: Saying, now: datetime) -> int | None:
    """Return the seconds to store in a status that says this. A suspension is added by the write that ends it."""
    is_suspended = stored.phase is Phase.SUSPENDED and saying.phase is Phase.SUSPENDED
    goes_on = is_suspended or (saying.queued and queued_since(stored) is not None)
    return stored.suspended_seconds if goes_on or _held_since(stored) is None else seconds(stored, now)
