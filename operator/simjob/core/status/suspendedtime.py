"""The time that a job was suspended or its spec could not be read. It does not count against `totalSeconds`."""

from datetime import datetime

from simjob.api import conditions
from simjob.api.names import Reason
from simjob.api.status import Phase, Status


def seconds(status: Status, now: datetime) -> int:
    """Return the seconds that the job was suspended or its spec could not be read, in all, up to `now`."""
    since = _held_since(status)
    current = max(int((now - since).total_seconds()), 0) if since else 0
    return (status.suspended_seconds or 0) + current


def _held_since(status: Status) -> datetime | None:
    """Return since when the job is suspended, or its spec cannot be read; None if neither is true."""
    if status.phase is Phase.SUSPENDED:
        found = conditions.find_condition(status.conditions, conditions.SUSPENDED)
    elif status.reason == Reason.UNREADABLE_SPEC:
        found = conditions.find_condition(status.conditions, conditions.STALLED)
    else:
        return None
    return found.last_transition_time if found else None


def to_store(stored: Status, phase: Phase, now: datetime) -> int | None:
    """Return the seconds to store in a status with this phase. A suspension is added by the write that ends it."""
    goes_on = stored.phase is Phase.SUSPENDED and phase is Phase.SUSPENDED
    return stored.suspended_seconds if goes_on or _held_since(stored) is None else seconds(stored, now)
