"""The failure policy: whether failed cases fail the job, and whether the other cases go on."""

from simjob.api.names import ErrorCode, Reason
from simjob.api.policies import OnExceeded
from simjob.core.assessment import Situation
from simjob.core.decision import Decision
from simjob.core.status import newestfailures
from simjob.core.stopping import earlyend


def allows(situation: Situation) -> bool:
    """Return whether the number of failed cases is within `maxFailedCases`."""
    return len(situation.outcomes.failed) <= situation.job.spec.failure_policy.allowed(situation.total)


def error_code(situation: Situation) -> str:
    """Return the error code of a job whose cases failed: the common code of `status.failures`, or CASES_FAILED."""
    codes = {
        failure.error_code or ErrorCode.CASE_FAILED for failure in newestfailures.newest(situation, situation.outcomes)
    }
    return codes.pop() if len(codes) == 1 else ErrorCode.CASES_FAILED


def exceeded(situation: Situation) -> Decision | None:
    """Stop everything once too many cases have failed, if `onExceeded` is CancelRemaining; None otherwise."""
    policy = situation.job.spec.failure_policy
    if policy.on_exceeded is not OnExceeded.CANCEL_REMAINING or not situation.unfinished or allows(situation):
        return None
    message = (
        f"more than {policy.allowed(situation.total)} of {situation.total} cases failed, so the others are cancelled; "
        "see `status.failures`"
    )
    code = error_code(situation)
    return earlyend.fail(situation, reason=Reason.TOO_MANY_CASES_FAILED, message=message, error_code=code)
