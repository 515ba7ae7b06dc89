"""`timeouts.totalSeconds`: how long the whole job may take, without the time in which it could not run.

After that it is stopped and FAILED.
"""

from datetime import datetime, timedelta
from typing import Final

from simjob.api.names import ErrorCode, Reason
from simjob.core.assessment import Situation
from simjob.core.decision import Decision
from simjob.core.stopping import earlyend
from simjob.core.waiting import queuehold, suspendedtime

# The longest time to plan ahead. It also keeps a corrupt status from overflowing `datetime`.
_FAR: Final = timedelta(hours=1)


def left(situation: Situation) -> timedelta | None:
    """Return how much time the job has left, at most an hour; None if it has no limit or has not started."""
    job, now = situation.job, situation.now
    timeouts, started = job.spec.timeouts, job.status.start_time
    if timeouts is None or timeouts.total_seconds is None or started is None:
        return None
    used = (now - started).total_seconds() - suspendedtime.seconds(job.status, now)
    return timedelta(seconds=min(timeouts.total_seconds - used, _FAR.total_seconds()))


def over_at(situation: Situation) -> datetime | None:
    """Return when to check the time limit, at most an hour ahead; None if there is none, or if it has passed.

    It can have passed for a job that is suspended, or whose cases have all ended.
    """
    remaining = left(situation)
    return situation.now + remaining if remaining is not None and remaining > timedelta() else None


def timed_out(situation: Situation) -> Decision | None:
    """Stop everything, and write FAILED, once `totalSeconds` have passed.

    Return None before that, and while the job is suspended or a queue holds it.
    """
    remaining, timeouts = left(situation), situation.job.spec.timeouts
    if timeouts is None or remaining is None or remaining > timedelta():
        return None
    # The stored status may not say yet that a queue holds the job, for example because its write was refused.
    if queuehold.is_held(situation):
        return None
    # While the cases are not known yet, none is unfinished, but the time runs.
    if situation.job.spec.suspend or not (situation.unfinished or situation.job.indexes is None):
        return None
    message = (
        f"the job took longer than `timeouts.totalSeconds`, {timeouts.total_seconds} s: its unfinished cases are "
        "stopped and cancelled"
    )
    return earlyend.fail(situation, reason=Reason.TOTAL_TIMEOUT, message=message, error_code=ErrorCode.TOTAL_TIMEOUT)
