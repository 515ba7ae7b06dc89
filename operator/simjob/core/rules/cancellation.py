"""Cancel: how a request is stored, what it stops, and when CANCELLED may be written.

A new request is first written to `status.cancellation` (the latch). From then on, removing the request changes nothing.
Flux and Argo CD do remove fields that `kubectl patch` has set.
"""

from dataclasses import replace
from datetime import datetime
from typing import Final

from simjob.api import names
from simjob.api.names import Reason
from simjob.api.simulationjob import Invalid, Metadata, SimulationJob
from simjob.api.status import Cancellation, Phase
from simjob.api.sweep.ranges import Ranges
from simjob.core.assessment import Situation
from simjob.core.decision import Decision, Saying
from simjob.core.observed.children import LivePods
from simjob.core.plan import Action, Notice
from simjob.core.status import wording
from simjob.core.stopping import keptjobs, stop
from simjob.core.waiting import overdue

# Limit of extra actions in one pass. A pass that runs does not notice that the last pod has stopped.
_TIDIED_AT_ONCE: Final = 48
_STOPPING: Final = "Job is being cancelled: running cases are being stopped, no new ones start"
_STARTED: Final = Saying(phase=Phase.CANCELLING, reason=Reason.CANCEL_REQUESTED, message=_STOPPING)


def is_asked_for(job: SimulationJob | Invalid) -> bool:
    """Return whether a cancel is requested, by `spec.cancel` or by the annotation that the API server writes."""
    by_field = job.cancel if isinstance(job, Invalid) else bool(job.spec.cancel)
    return by_field or names.ANNOTATION_CANCEL_REQUESTED_BY in job.metadata.annotations


def is_wanted(job: SimulationJob | Invalid) -> bool:
    """Return whether a cancel is stored in the status, or is requested of a job that has not ended.

    A request that comes after the end counts nowhere. The API server accepts it where no policy refuses it.
    """
    stored = job.status
    if stored is not None and (stored.cancellation or stored.is_over):
        return stored.cancellation is not None
    return is_asked_for(job)


def stops_all(job: SimulationJob | Invalid) -> bool:
    """Return whether a cancel or a deletion stops all pods. Also works for a SimulationJob that cannot be read."""
    if job.metadata.deletion_timestamp is not None:
        return not job.metadata.orphans_children
    return is_wanted(job)


def cancelling(situation: Situation) -> Decision | None:
    """Stop everything, and write CANCELLED when no pod is live. None if no cancel is requested or stored."""
    job, now = situation.job, situation.now
    stored = job.status.cancellation
    if not is_wanted(job):
        return None
    if stored is None:
        return latch(situation, requested_by(job.metadata, attributed=situation.observed.attributed))
    live = situation.live_pods
    outcome = replace(situation.outcomes, cancelled=_cancelled(situation), cancelling=Ranges())
    if live:
        tidied_at = stop.jobs_go_at(situation.observed, stored.requested_at) or now
        tidying = _tidying(situation) if tidied_at <= now else ()
        times = [stop.look_again(live, now, stored.requested_at), *([tidied_at] if tidied_at > now else [])]
        return Decision(
            actions=(*stop.stop_pods(live), *tidying),
            says=_saying(situation),
            outcomes=outcome,
            cancellation=stored.model_copy(update={"stopping": len(live)}),
            look_again=min(times),
        )
    ended = stored.model_copy(update={"stopping": None, "finished_at": now})
    finished = len(outcome.succeeded) + len(outcome.failed)
    noun = "case" if finished == 1 else "cases"
    message = f"Job is cancelled: {finished} {noun} had finished, {wording.were(len(outcome.cancelled))} cancelled"
    saying = Saying(phase=Phase.CANCELLED, reason=Reason.CANCELLED, message=message)
    return Decision(says=saying, outcomes=outcome, cancellation=ended, needs_proof=True, look_again=now)


def latching(job: SimulationJob, live: LivePods, now: datetime) -> Decision | None:
    """Return the decision that stores a new cancel of a running job; None if there is no new one.

    It comes before the ladder and does not judge the cases. Judging 1,000 cases takes about ten milliseconds, and all
    passes share one thread: if ten sweeps were cancelled at once, the last one would wait for all others.
    """
    stored = job.status
    is_under_way = stored.cases.total > 0 and not stored.is_over and job.metadata.deletion_timestamp is None
    if not is_under_way or stored.cancellation is not None or not is_wanted(job):
        return None
    return latch_unjudged(job, live, now)


def stopping_on(job: SimulationJob, live: LivePods, now: datetime, judge_at: datetime) -> Decision | None:
    """Return the decision that only deletes pods during a stored cancel; None if the cases must be judged now.

    Each pod that stops triggers a pass. If each of these passes judged all cases, the first deletions of one sweep
    would wait for the other sweeps, as in `latching`. `judge_at`: when to judge the cases again for the status, while
    a pod is live.
    """
    stored = job.status
    is_latched = stored.cancellation is not None and not stored.is_over and job.metadata.deletion_timestamp is None
    if not is_latched or not live.number or judge_at <= now:
        return None
    return Decision(actions=stop.stop_pods(live.unasked), look_again=judge_at)


def latch_unjudged(job: SimulationJob | Invalid, live: LivePods, now: datetime) -> Decision:
    """Return the decision that adds a cancel to the stored status and does not change its counts of cases."""
    return Decision(
        says=_STARTED,
        cancellation=_request_unjudged(job, live, now),
        unlatched=stop.stop_pods(live.unasked),
        look_again=now,
    )


def latch(situation: Situation, by: str | None) -> Decision:
    """Return the decision that stores a cancel and who requested it. It stops pods only if the write is refused."""
    cancellation = _request(situation.job, by, len(situation.live_pods), situation.now)
    return Decision(
        says=_saying(situation),
        cancellation=cancellation,
        unlatched=stop.stop_pods(situation.live_pods),
        look_again=situation.now,
    )


def _request_unjudged(job: SimulationJob | Invalid, live: LivePods, now: datetime) -> Cancellation:
    return _request(job, requested_by(job.metadata, attributed=live.attributed), live.number, now)


def _request(job: SimulationJob | Invalid, by: str | None, live: int, now: datetime) -> Cancellation:
    reason = job.cancel_reason if isinstance(job, Invalid) else job.spec.cancel_reason
    return Cancellation(requested_at=now, requested_by=by, reason=reason, stopping=live)


def stop_known(job: SimulationJob | Invalid, live: LivePods, now: datetime) -> Decision:
    """Return the decision that stops all known pods, for when facts are missing or no other plan works.

    It can store a cancel, but does not write CANCELLED.
    """
    pods = stop.stop_pods(live.unasked)
    stored = job.status
    if stored is None or stored.cancellation or stored.is_over or job.metadata.deletion_timestamp:
        return Decision(actions=pods)
    return Decision(actions=pods, says=_STARTED, cancellation=_request_unjudged(job, live, now), unlatched=pods)


def too_late(job: SimulationJob) -> tuple[Notice, ...]:
    """Return a warning that `spec.cancel` was set after the end, once for each generation of a job that has ended."""
    stored = job.status
    if not job.spec.cancel or stored.cancellation or stored.observed_generation == job.metadata.generation:
        return ()
    note = f"`cancel` was set after the job had ended, so it has no effect: the job stays {stored.phase}"
    return (Notice(reason=Reason.CANCEL_TOO_LATE, action="Cancel", note=note, warning=True),)


def requested_by(metadata: Metadata, field: str = "cancel", *, attributed: bool) -> str | None:
    """Return who requested a cancel: the user in the annotation, otherwise the field manager that owns the field.

    Return only the name if the API server wrote the annotation (`attributed`). Otherwise the text also says where the
    name comes from, because a client that may patch the object can write any name as annotation or field manager.
    """
    key = names.ANNOTATION_CANCEL_REQUESTED_BY
    if user := metadata.annotations.get(key):
        return user if attributed else f"annotation {key}: {user}"
    owners = [entry for entry in metadata.managed_fields if f"f:{field}" in entry.fields_v1.get("f:spec", {})]
    if not owners:
        return None
    newest = max(owners, key=lambda entry: (entry.time is not None, entry.time))
    return f"field manager {newest.manager}"


def _tidying(situation: Situation) -> tuple[Action, ...]:
    """Return some of the actions that do not delay CANCELLED: deletions of Jobs, and last writes of their status."""
    return (*keptjobs.unwanted(situation), *keptjobs.housekeeping(situation).some())[:_TIDIED_AT_ONCE]


def _cancelled(situation: Situation) -> Ranges:
    """Return the cases that are cancelled for good: without an outcome of their own, and without a live pod."""
    live = Ranges.of(pod.index for pod in situation.live_pods)
    return situation.unfinished.minus(live).union(situation.outcomes.cancelled)


def _saying(situation: Situation) -> Saying:
    latch = situation.job.status.cancellation
    late = overdue.name_overdue(situation.live_pods, situation.now, latch.requested_at if latch else None)
    if late:
        return Saying(phase=Phase.CANCELLING, reason=Reason.NOT_STOPPING, message=f"Job is being cancelled; {late}")
    return _STARTED
