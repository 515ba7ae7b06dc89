"""A SimulationJob that this version cannot read: no case starts, running cases go on, and ended ones stay as they are.

The API server rejects such objects, so another version of the CRD accepted this one, or this version of the operator
has a stricter rule. Outcomes are recorded once a version that can read it runs. It can be cancelled and deleted.
"""

from datetime import datetime

from simjob.api.names import ErrorCode, Reason
from simjob.api.simulationjob import Invalid
from simjob.api.status import Phase, Status
from simjob.core.decision import Decision, Saying
from simjob.core.observed.children import Observed
from simjob.core.plan import resync_at
from simjob.core.rules import cancellation, deletion
from simjob.core.stopping import stop


def hold(job: Invalid, observed: Observed, now: datetime) -> Decision:
    """Return the decision for a SimulationJob that cannot be read, if no rule for stopping a readable one applies.

    If it was never accepted and has no children, it becomes FAILED. A status that cannot be read is not overwritten; a
    cancel stops the pods all the same.
    """
    stored = job.status
    if (stored and stored.is_over) or job.metadata.orphans_children:
        return Decision()
    wanted = cancellation.is_wanted(job)
    if job.metadata.deletion_timestamp:
        return deletion.remove_all(observed, now, job.metadata.deletion_timestamp)
    if stored is None:
        # Keep the Jobs: they may have outcomes that are not recorded yet, and their pods have the logs.
        stops = stop.stop_pods(observed.live_pods)
        return Decision(actions=stops, look_again=resync_at(now)) if wanted else Decision()
    if wanted:
        return _cancel(job, stored, observed, now)
    if stored.start_time is None and not observed.cases:
        return _fail(job)
    return _wait(job, stored, observed, now)


def _wait(job: Invalid, stored: Status, observed: Observed, now: datetime) -> Decision:
    message = (
        f"this version of the operator cannot read the spec: {job.message}; running cases go on and none starts. "
        "Use a version that can read it, or cancel"
    )
    phase = stored.phase or Phase.PENDING
    saying = Saying(phase=phase, reason=Reason.UNREADABLE_SPEC, message=message, stalled=True)
    stopping_cases = stored.outcomes.cancelled.union(stored.outcomes.cancelling)
    pods = [pod for case in observed.cases if case.index in stopping_cases for pod in case.live_pods]
    return Decision(actions=stop.stop_pods(pods), says=saying, look_again=resync_at(now))


def _fail(job: Invalid) -> Decision:
    message = f"the spec cannot be carried out: {job.message}"
    saying = Saying(phase=Phase.FAILED, reason=Reason.INVALID_SPEC, message=message, error_code=ErrorCode.INVALID_SPEC)
    return Decision(says=saying, needs_proof=True)


def _cancel(job: Invalid, stored: Status, observed: Observed, now: datetime) -> Decision:
    """Return the decision that cancels a job whose cases are unknown. The recorded outcomes do not change."""
    latch, live = stored.cancellation, observed.live_pods
    if latch is None:
        return cancellation.latch_unjudged(job, observed.live, now)
    if live:
        again = stop.look_again(live, now, latch.requested_at)
        return Decision(actions=stop.stop_pods(live), look_again=again)
    counts = stored.cases
    cancelled = max(counts.total - counts.succeeded - counts.failed, 0)
    cases = counts.model_copy(update={"pending": 0, "assigned": 0, "running": 0, "cancelled": cancelled})
    ended = latch.model_copy(update={"stopping": None, "finished_at": now})
    saying = Saying(phase=Phase.CANCELLED, reason=Reason.CANCELLED, message="Job is cancelled")
    return Decision(says=saying, cancellation=ended, cases=cases, needs_proof=True)
