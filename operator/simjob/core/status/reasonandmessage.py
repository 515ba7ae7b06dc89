"""The phase, reason and message of a job under way: why it is in its state.

Problems that keep cases from running come first. Messages contain no counts that change with every case, because each
change is a write.
"""

from collections.abc import Mapping

from simjob.api.names import Reason
from simjob.api.status import Phase
from simjob.core.assessment import Situation
from simjob.core.attempts.judgement import Absent, Due, Held, Live
from simjob.core.attempts.retries import NOTABLE_DISRUPTIONS
from simjob.core.decision import Saying
from simjob.core.facts import containers
from simjob.core.facts.pods import PodFact, PodState
from simjob.core.observed.refusedcreation import CASE_TABLE
from simjob.core.status import hints, wholestatus
from simjob.core.waiting import overdue, queuehold, queuewords


def explain(situation: Situation) -> Saying:
    """Return phase, reason and message of a job under way: not suspended, not cancelled, not refused, not finished."""
    phase = wholestatus.active_phase(situation)
    trouble = (
        _refusal(situation)
        or _earlier(situation)
        or _waiting(situation)
        or _overdue(situation)
        or _disrupted(situation)
    )
    reason, message = trouble or _idle(situation) or _gated(situation) or _usual(phase, situation)
    return Saying(phase=phase, reason=reason, message=message, queued=queuehold.is_held(situation))


def _refusal(situation: Situation) -> tuple[str, str] | None:
    refusal = situation.observed.refusal
    if refusal is None or not _is_to_be_created(refusal.index, situation):
        return None
    if refusal.kind == CASE_TABLE:
        return Reason.TABLE_REFUSED, f"case {refusal.index} cannot start: {refusal.message}"
    if refusal.unavailable:
        return (
            Reason.API_UNAVAILABLE,
            f"the {refusal.kind} of case {refusal.index} cannot be created: {refusal.message}",
        )
    reason = Reason.POD_REFUSED if refusal.kind == "Pod" else Reason.JOB_REFUSED
    message = f"the {refusal.kind} of case {refusal.index} is refused: {refusal.message}"
    if refusal.alone:
        message = f"{message}; the other cases go on, and `cancelCases` can drop this one"
    if refusal.has_given_up:
        message = f"{message}; finished Jobs were deleted {refusal.rooms_made} times to make room, and others took it"
    elif situation.makes_room:
        message = f"{message}; finished Jobs kept by `history` are deleted to make room"
    hint = hints.about(refusal.message)
    return reason, f"{message}; {hint}" if hint else message


def _is_to_be_created(index: int, situation: Situation) -> bool:
    # A creation without an answer may have succeeded all the same, and the case may have been cancelled since.
    verdict = situation.verdicts.get(index, Absent())
    return index in situation.unfinished and isinstance(verdict, Absent | Due)


def _earlier(situation: Situation) -> tuple[str, str] | None:
    held = [index for index in situation.observed.earlier if index in situation.unfinished]
    if not held:
        return None
    index = min(held)
    pod = situation.observed.earlier[index]
    message = (
        f"case {index} still runs in pod {pod} of an earlier SimulationJob of this name; it starts when that pod has "
        f"ended, and `kubectl delete pod {pod}` ends it"
    )
    return Reason.EARLIER_POD, f"{message}; other cases wait for the same" if len(held) > 1 else message


def _waiting(situation: Situation) -> tuple[str, str] | None:
    words = situation.observed.words
    for case in situation.open:
        verdict = situation.verdicts[case.index]
        if isinstance(verdict, Live) and (found := _trouble(case.index, verdict.pod, words)):
            return found
    return None


def _trouble(index: int, pod: PodFact, words: Mapping[str, str]) -> tuple[str, str] | None:
    if pod.terminating or pod.reason == Reason.SCHEDULING_GATED:
        return None
    if not pod.reason:
        text = words.get(pod.uid) if pod.state is PodState.ASSIGNED else None
        return (Reason.CONTAINER_WAITING, f"case {index} cannot start: {text}") if text else None
    if pod.state is PodState.PENDING:
        return Reason.UNSCHEDULABLE, f"case {index} cannot be scheduled: {pod.message}"
    if pod.state is not PodState.ASSIGNED:
        return None
    if pod.reason in containers.PULL_FAILURES:
        cause = containers.pull_error(pod.message)
        why = f": {cause}" if cause else f"; events of pod {pod.name} say why"
        return Reason.IMAGE_PULL, f'case {index} cannot start: its image "{pod.image}" cannot be pulled{why}'
    return Reason.CONTAINER_WAITING, f"case {index} cannot start: {pod.reason}: {pod.message}"


def _overdue(situation: Situation) -> tuple[str, str] | None:
    late = overdue.name_overdue(situation.live_pods, situation.now)
    return (Reason.NOT_STOPPING, late) if late else None


def _disrupted(situation: Situation) -> tuple[str, str] | None:
    jobs = [case.job for case in situation.open if case.job and not case.job.succeeded]
    often = [job for job in jobs if job.disruptions >= NOTABLE_DISRUPTIONS]
    if not often:
        return None
    worst = max(often, key=lambda job: (job.disruptions, -job.index))
    others = f"; other cases that are disrupted often: {len(often) - 1}" if len(often) > 1 else ""
    most = situation.job.spec.retries.max_disruptions
    message = f"case {worst.index} was disrupted {worst.disruptions} times and may be {most} times; the last time: "
    return Reason.OFTEN_DISRUPTED, f"{message}{worst.last_disruption}{others}"


def _idle(situation: Situation) -> tuple[str, str] | None:
    verdicts = situation.verdicts.values()
    if any(isinstance(verdict, Live) for verdict in verdicts):
        return None
    if any(isinstance(verdict, Held) and verdict.job.suspended for verdict in verdicts):
        return Reason.QUEUED, queuewords.message(situation)
    if situation.job.spec.parallelism == 0:
        return Reason.PAUSED, "`parallelism` is 0: no case starts"
    if any(isinstance(verdict, Due) and verdict.at and verdict.at > situation.now for verdict in verdicts):
        return Reason.RETRYING, "cases wait for their next attempt; `status.retrying` says how the last one ended"
    return None


def _gated(situation: Situation) -> tuple[str, str] | None:
    """Return the first pod that only its scheduling gates hold. None if a pod has a node: gates are often brief."""
    if situation.has_pod(PodState.ASSIGNED, PodState.RUNNING):
        return None
    for case in situation.open:
        match situation.verdicts[case.index]:
            case Live(pod=pod) if pod.reason == Reason.SCHEDULING_GATED and not pod.terminating:
                message = f"case {case.index} waits until somebody removes the scheduling gates of pod {pod.name}"
                return Reason.SCHEDULING_GATED, f"{message}: {pod.message}"
            case _:
                continue
    return None


def _usual(phase: Phase, situation: Situation) -> tuple[str, str]:
    match phase:
        case Phase.RUNNING if not situation.unfinished:
            return Reason.RUNNING, "all cases have ended; their last pods are being stopped"
        case Phase.RUNNING if situation.outcomes.cancelling:
            return Reason.RUNNING, "cases are running; those that `cancelCases` names are being stopped"
        case Phase.RUNNING if situation.has_pod(PodState.RUNNING):
            return Reason.RUNNING, "cases are running"
        case Phase.RUNNING:
            return Reason.RUNNING, "cases have run, and the next ones are being created and scheduled"
        case Phase.ASSIGNED:
            return Reason.STARTING, "cases are on a node and start"
        case _:
            return Reason.ACCEPTED, "cases are being created and scheduled"
