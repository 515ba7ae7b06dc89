"""The whole status, from the situation of a job and the decision of a rule."""

from datetime import datetime

from simjob.api.outcomes import Outcomes
from simjob.api.simulationjob import Invalid, SimulationJob
from simjob.api.status import MAX_STATUS_MESSAGE, CaseCounts, Phase, Status
from simjob.core.assessment import Situation, done
from simjob.core.attempts import usage
from simjob.core.decision import Decision, Saying
from simjob.core.facts.pods import PodState
from simjob.core.status import newestfailures, phaseconditions
from simjob.core.waiting import queuehold, suspendedtime


def active_phase(situation: Situation) -> Phase:
    """Return the phase of a job under way: not finished, not suspended, not being cancelled."""
    if queuehold.has_settled(situation):
        return Phase.PENDING
    before = situation.job.status.phase
    ran = before is Phase.RUNNING or situation.outcomes.succeeded or situation.has_pod(PodState.RUNNING)
    # A failed case may never have run: it found no node in time, or its container did not start.
    failed = any(ended.exit_code is not None for _, ended in situation.ended)
    if ran or failed or (before is Phase.SUSPENDED and situation.outcomes.failed):
        return Phase.RUNNING
    return Phase.ASSIGNED if situation.has_pod(PodState.ASSIGNED) else Phase.PENDING


def summarize(situation: Situation, saying: Saying, decision: Decision, outcomes: Outcomes) -> Status:
    """Return the whole status. What the decision does not give comes from the situation or the stored status."""
    job, now, stored = situation.job, situation.now, situation.job.status
    counts = _counts(situation, outcomes)
    return Status(
        observed_generation=job.metadata.generation,
        phase=saying.phase,
        reason=saying.reason,
        message=saying.message[:MAX_STATUS_MESSAGE],
        error_code=saying.error_code,
        is_terminal=saying.phase.is_terminal,
        is_failed=saying.phase is Phase.FAILED,
        conditions=phaseconditions.set_conditions(
            suspendedtime.without_stale_hold(stored), saying, job.metadata.generation, now
        ),
        cancellation=decision.cancellation or stored.cancellation,
        cases=counts,
        progress=f"{counts.succeeded + counts.failed}/{counts.total}",
        succeeded_indexes=outcomes.succeeded,
        failed_indexes=outcomes.failed,
        cancelled_indexes=outcomes.cancelled,
        cancelling_indexes=outcomes.cancelling or None,
        case_table=stored.case_table,
        failures=newestfailures.newest(situation, outcomes, decision.failures),
        retrying=decision.retrying,
        results=stored.results,
        pods_accepted=situation.pods_accepted,
        compute_time=usage.counted(job, situation.open, outcomes),
        suspended_seconds=suspendedtime.to_store(stored, saying, now),
        # The API server's clock is known only to within a second: a job must not start before its creation.
        start_time=stored.start_time or max(now, job.metadata.creation_timestamp or now),
        completion_time=now if saying.phase.is_terminal else None,
        restarts=stored.restarts if decision.restarts is None else decision.restarts,
    )


def restated(job: SimulationJob | Invalid, stored: Status, saying: Saying, decision: Decision, now: datetime) -> Status:
    """Return the stored status with another phase, reason and message. Outcomes do not change."""
    terminal = saying.phase.is_terminal
    generation = job.metadata.generation
    # Keep the generation, so that a later plan, which knows the cases, still warns about unknown indexes.
    is_left = isinstance(job, SimulationJob) and job.spec.cancel_cases is not None
    return stored.model_copy(
        update={
            "observed_generation": stored.observed_generation if is_left else generation,
            "phase": saying.phase,
            "reason": saying.reason,
            "message": saying.message[:MAX_STATUS_MESSAGE],
            "error_code": saying.error_code,
            "is_terminal": terminal,
            "is_failed": saying.phase is Phase.FAILED,
            "retrying": None,
            "conditions": phaseconditions.set_conditions(stored.conditions, saying, generation, now),
            "cancellation": decision.cancellation or stored.cancellation,
            "cases": decision.cases or stored.cases,
            "completion_time": now if terminal else None,
            "suspended_seconds": suspendedtime.without_queue(stored, now),
        }
    )


def kept(stored: Status, generation: int | None) -> Status:
    """Return the stored status, observed for a generation; None leaves it as it is."""
    if generation is None:
        return stored
    conditions = tuple(found.model_copy(update={"observed_generation": generation}) for found in stored.conditions)
    # A version that does not know `retrying` may have ended the job and left it there.
    changed = {"observed_generation": generation, "conditions": conditions, "retrying": None}
    return stored.model_copy(update=changed)


def _counts(situation: Situation, outcomes: Outcomes) -> CaseCounts:
    closed = done(outcomes)
    live = [pod for case in situation.open if case.index not in closed for pod in case.live_pods]
    on_node = {pod.index for pod in live if pod.state is not PodState.PENDING}
    running = len({pod.index for pod in live if pod.state is PodState.RUNNING})
    assigned = len(on_node) - running
    return CaseCounts(
        total=situation.total,
        pending=situation.total - len(closed) - running - assigned,
        assigned=assigned,
        running=running,
        succeeded=len(outcomes.succeeded),
        failed=len(outcomes.failed),
        cancelled=len(outcomes.cancelled),
    )
