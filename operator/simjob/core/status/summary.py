"""The whole status, from the situation of a job and the decision of a rule."""

from dataclasses import replace
from datetime import datetime

from simjob.api.failures import Failure, Retrying
from simjob.api.outcomes import Outcomes
from simjob.api.status import MAX_STATUS_MESSAGE, Cancellation, CaseCounts, Phase, Status
from simjob.core.assessment import Situation, done
from simjob.core.attempts import usage
from simjob.core.decision import Saying
from simjob.core.facts.pods import PodState
from simjob.core.status import newestfailures, phaseconditions, suspendedtime


def active_phase(situation: Situation) -> Phase:
    """Return the phase of a job under way: not finished, not suspended, not being cancelled."""
    before = situation.job.status.phase
    ran = before is Phase.RUNNING or situation.outcomes.succeeded or situation.has_pod(PodState.RUNNING)
    # A failed case may never have run: it found no node in time, or its container did not start.
    failed = any(ended.exit_code is not None for _, ended in situation.ended)
    if ran or failed or (before is Phase.SUSPENDED and situation.outcomes.failed):
        return Phase.RUNNING
    return Phase.ASSIGNED if situation.has_pod(PodState.ASSIGNED) else Phase.PENDING


def summarize(
    situation: Situation,
    saying: Saying,
    *,
    outcomes: Outcomes | None = None,
    cancellation: Cancellation | None = None,
    restarts: int | None = None,
    failures: tuple[Failure, ...] = (),
    retrying: Retrying | None = None,
) -> Status:
    """Return the whole status. Arguments that are not given come from the situation or from the stored status.

    `failures`: failed cases in addition to those that ended by themselves, newest first.
    `retrying`: the cases that wait for their next attempt, if attempts are started.
    """
    job, now, stored = situation.job, situation.now, situation.job.status
    outcomes = outcomes or situation.outcomes
    counts = _counts(situation, outcomes)
    return Status(
        observed_generation=job.metadata.generation,
        phase=saying.phase,
        reason=saying.reason,
        message=saying.message[:MAX_STATUS_MESSAGE],
        error_code=saying.error_code,
        is_terminal=saying.phase.is_terminal,
        is_failed=saying.phase is Phase.FAILED,
        conditions=phaseconditions.set_conditions(stored.conditions, saying, job.metadata.generation, now),
        cancellation=cancellation or stored.cancellation,
        cases=counts,
        progress=_progress(counts),
        succeeded_indexes=outcomes.succeeded,
        failed_indexes=outcomes.failed,
        cancelled_indexes=outcomes.cancelled,
        cancelling_indexes=outcomes.cancelling or None,
        case_table=stored.case_table,
        failures=newestfailures.newest(situation, failures),
        retrying=retrying,
        results=stored.results,
        pods_accepted=situation.pods_accepted,
        compute_time=usage.counted(job, situation.open, outcomes),
        suspended_seconds=suspendedtime.to_store(stored, saying.phase, now),
        # The API server's clock is known only to within a second: a job must not start before its creation.
        start_time=stored.start_time or max(now, job.metadata.creation_timestamp or now),
        completion_time=now if saying.phase.is_terminal else None,
        restarts=stored.restarts if restarts is None else restarts,
    )


def restated(stored: Status, saying: Saying, generation: int, now: datetime) -> Status:
    """Return the stored status with another phase, reason and message. Counts and outcomes do not change."""
    terminal = saying.phase.is_terminal
    return stored.model_copy(
        update={
            "observed_generation": generation,
            "phase": saying.phase,
            "reason": saying.reason,
            "message": saying.message[:MAX_STATUS_MESSAGE],
            "error_code": saying.error_code,
            "is_terminal": terminal,
            "is_failed": saying.phase is Phase.FAILED,
            "retrying": None,
            "conditions": phaseconditions.set_conditions(stored.conditions, saying, generation, now),
            "completion_time": now if terminal else None,
        }
    )


def before_ends(situation: Situation, new: Status) -> Status:
    """Return the new status without cases that ended since the stored one, for a write that cannot wait for results."""
    stored = situation.job.status
    # A case that is being cancelled stays so until its end is stored, too.
    latched = stored.outcomes.cancelling.union(new.outcomes.cancelling)
    outcomes = replace(stored.outcomes, cancelling=latched)
    counts = _counts(situation, outcomes)
    kept = {"failures": stored.failures, "compute_time": stored.compute_time}
    changed = {**kept, "cases": counts, "progress": _progress(counts)}
    return new.with_outcomes(outcomes).model_copy(update=changed)


def _progress(counts: CaseCounts) -> str:
    return f"{counts.succeeded + counts.failed}/{counts.total}"


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
