"""A spec that cannot be carried out: one that cannot be read, or whose Jobs or pods the API server will never take."""

from datetime import datetime

from simjob.api.names import ErrorCode, Reason
from simjob.api.simulationjob import Invalid
from simjob.api.status import Cancellation, Failure, Phase, Status
from simjob.core import cancellation, ending, stopping, summary
from simjob.core.observed import Observed
from simjob.core.plan import Plan
from simjob.core.situation import Situation
from simjob.core.summary import Saying


def refused(situation: Situation) -> Plan | None:
    """Ends a job whose creation the API server refused for good: the refused case failed, the rest is cancelled."""
    refusal = situation.observed.refusal
    if refusal is None or not refusal.permanent:
        return None
    message = (
        f"the API server will never take the {refusal.kind} of case {refusal.index}, so the others are cancelled: "
        f"{refusal.message}"
    )
    failure = Failure(
        index=refusal.index,
        name=refusal.case_name or None,
        error_code=ErrorCode.SUBMISSION_FAILED,
        reason=_reason(refusal.kind),
        message=refusal.message[:1024],
        finished_at=situation.now,
    )
    return ending.fail(
        situation,
        reason=_reason(refusal.kind),
        message=message,
        error_code=ErrorCode.SUBMISSION_FAILED,
        failures=(failure,),
    )


def _reason(kind: str) -> str:
    return Reason.POD_REFUSED if kind == "Pod" else Reason.JOB_REFUSED


def unreadable(job: Invalid, observed: Observed, now: datetime) -> Plan:
    """Ends a SimulationJob that cannot be read, and stops what runs of it.

    A status that cannot be read is left alone, with what it may say; a cancel stops the pods all the same.

    The API server's schema keeps such objects out: this one is older than the schema, or it went around it.
    """
    stored = job.status
    if (stored and stored.phase and stored.phase.is_terminal) or job.metadata.orphans_children:
        return Plan()
    stop = stopping.remove_all(observed)
    if stored is None:
        wanted = job.metadata.deletion_timestamp or cancellation.asked_for(job.metadata, job.cancel)
        return Plan(actions=stop.actions if wanted else ())
    if any(case.live_pods for case in observed.cases) or job.metadata.deletion_timestamp:
        return Plan(actions=stop.actions, look_again=summary.resync_at(now))
    latch = stored.cancellation
    if latch is None and cancellation.asked_for(job.metadata, job.cancel):
        by = cancellation.requested_by(job.metadata)
        latch = Cancellation(requested_at=now, requested_by=by, reason=job.cancel_reason)
    if latch is None:
        saying = Saying(
            phase=Phase.FAILED,
            reason=Reason.INVALID_SPEC,
            message=f"the spec cannot be carried out: {job.message}",
            error_code=ErrorCode.INVALID_SPEC,
        )
    else:
        latch = latch.model_copy(update={"stopping": None, "finished_at": now})
        saying = Saying(phase=Phase.CANCELLED, reason=Reason.CANCELLED, message="Job is cancelled")
    status = _ended(job, stored, saying, now).model_copy(update={"cancellation": latch})
    return Plan(actions=stop.actions, status=status, needs_proof=True)


def _ended(job: Invalid, stored: Status, saying: Saying, now: datetime) -> Status:
    return stored.model_copy(
        update={
            "observed_generation": job.metadata.generation,
            "phase": saying.phase,
            "reason": saying.reason,
            "message": saying.message[:4096],
            "error_code": saying.error_code,
            "is_terminal": True,
            "is_failed": saying.phase is Phase.FAILED,
            "conditions": summary.set_conditions(stored.conditions, saying, job.metadata.generation, now),
            "completion_time": now,
        }
    )
