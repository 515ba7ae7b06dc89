"""How many cases may fail: whether that fails the job, and whether the others go on."""

from simjob.api.names import ErrorCode, Reason
from simjob.api.policies import OnExceeded
from simjob.core.assessment import Situation
from simjob.core.plan import Plan
from simjob.core.status import newestfailures
from simjob.core.stopping import earlyend


def allows(situation: Situation) -> bool:
    """Return whether no more cases have failed than may."""
    return len(situation.outcomes.failed) <= situation.job.spec.failure_policy.allowed(situation.total)


def error_code(situation: Situation) -> str:
    """Return the code of a job that failed by its cases: the one that all its newest failures have, if there is one."""
    codes = {failure.error_code or ErrorCode.CASE_FAILED for failure in newestfailures.newest(situation)}
    return codes.pop() if len(codes) == 1 else ErrorCode.CASES_FAILED


def exceeded(situation: Situation) -> Plan | None:
    """Stop everything as soon as more cases have failed than may, if it was asked for; None otherwise."""
    policy = situation.job.spec.failure_policy
    if policy.on_exceeded is not OnExceeded.CANCEL_REMAINING or not situation.unfinished or allows(situation):
        return None
    message = (
        f"more than {policy.allowed(situation.total)} of {situation.total} cases failed, so the others are cancelled; "
        "see `status.failures`"
    )
    code = error_code(situation)
    return earlyend.fail(situation, reason=Reason.TOO_MANY_CASES_FAILED, message=message, error_code=code)
