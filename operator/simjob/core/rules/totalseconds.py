"""How long the whole job may take, suspensions not counted; then it is stopped and FAILED."""

from datetime import datetime, timedelta
from typing import Final

from simjob.api.names import ErrorCode, Reason
from simjob.core.assessment import Situation
from simjob.core.plan import Plan
from simjob.core.status import suspendedtime
from simjob.core.stopping import earlyend

# No need to plan further ahead; a status that somebody else wrote cannot lead to a time that does not exist.
_FAR: Final = timedelta(hours=1)


def left(situation: Situation) -> timedelta | None:
    """Return how much time the job has left, an hour at most; None if it has no bound or has not begun."""
    job, now = situation.job, situation.now
    timeouts, started = job.spec.timeouts, job.status.start_time
    if timeouts is None or timeouts.total_seconds is None or started is None:
        return None
    used = (now - started).total_seconds() - suspendedtime.seconds(job.status, now)
    return timedelta(seconds=min(timeouts.total_seconds - used, _FAR.total_seconds()))


def over_at(situation: Situation) -> datetime | None:
    """Return when to look whether the time is over, in an hour at most; None if nothing would follow from it.

    Of a job that is suspended, or of which nothing is unfinished, the time may be over already.
    """
    remaining = left(situation)
    return situation.now + remaining if remaining is not None and remaining > timedelta() else None


def timed_out(situation: Situation) -> Plan | None:
    """Stop everything and say FAILED once the time is over; None before, and while the job is suspended."""
    remaining, timeouts = left(situation), situation.job.spec.timeouts
    if timeouts is None or remaining is None or remaining > timedelta():
        return None
    # Before it is known which cases there are, there is nothing unfinished, but the time runs.
    if situation.job.spec.suspend or not (situation.unfinished or situation.job.indexes is None):
        return None
    message = (
        f"the job took longer than `timeouts.totalSeconds`, {timeouts.total_seconds} s: what had not finished "
        "is stopped and cancelled"
    )
    return earlyend.fail(situation, reason=Reason.TOTAL_TIMEOUT, message=message, error_code=ErrorCode.TOTAL_TIMEOUT)
