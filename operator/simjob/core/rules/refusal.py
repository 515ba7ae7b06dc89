"""A template whose Jobs or pods the API server never accepts."""

from simjob.api.failures import Failure
from simjob.api.names import ErrorCode, Reason
from simjob.core.assessment import Situation
from simjob.core.decision import Decision
from simjob.core.stopping import earlyend


def refused(situation: Situation) -> Decision | None:
    """End a job whose template the API server refuses: the refused case has failed, the others are cancelled.

    None if a pod of the job was ever accepted, or may have been: the template is then valid, and the cause of the
    refusal can be repaired. None also if the job has other cases and none of them was tried yet.
    """
    refusal = situation.observed.refusal
    if refusal is None or not refusal.lasted or situation.pods_accepted is not False:
        return None
    if not refusal.others and len(situation.unfinished) > 1:
        return None
    message = (
        f"the API server has refused the {refusal.kind} of case {refusal.index} from the beginning, so all other "
        f"cases are cancelled: {refusal.message}"
    )
    failure = Failure(
        index=refusal.index,
        name=refusal.case_name or None,
        error_code=ErrorCode.SUBMISSION_FAILED,
        reason=_reason(refusal.kind),
        message=refusal.message[:1024],
        finished_at=situation.now,
    )
    return earlyend.fail(
        situation,
        reason=_reason(refusal.kind),
        message=message,
        error_code=ErrorCode.SUBMISSION_FAILED,
        failures=(failure,),
    )


def _reason(kind: str) -> str:
    return Reason.POD_REFUSED if kind == "Pod" else Reason.JOB_REFUSED
