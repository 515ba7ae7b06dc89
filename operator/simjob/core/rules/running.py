"""A job under way: attempts are started, recorded and reported. Retries are started before new cases."""

from collections.abc import Iterable, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from simjob.api.names import Reason
from simjob.api.status import Phase
from simjob.api.sweep.ranges import Ranges
from simjob.core.assessment import Situation
from simjob.core.attempts import injectedcontainers, judgement, retries, timeouts
from simjob.core.attempts.judgement import Absent, Due, Ended, Held, Live, Over, Verdict
from simjob.core.children import batchjobstatus
from simjob.core.decision import Decision
from simjob.core.facts.jobs import JobFact
from simjob.core.facts.pods import PodFact, PodState
from simjob.core.observed.children import CaseFacts
from simjob.core.plan import (
    Action,
    CountAttempt,
    CreateCase,
    DeleteJob,
    LimitRun,
    Notice,
    StartAttempt,
    WriteJobStatus,
    resync_at,
)
from simjob.core.rules import totalseconds
from simjob.core.status import reasonandmessage, retrying
from simjob.core.stopping import keptjobs
from simjob.core.stopping.stop import stop_pods
from simjob.core.waiting import notstarting, queuehold, queuewords

# Maximum number of cases that one pass creates. After that, status is written and the cluster is observed again.
BATCH: Final = 250
# Number of pods of earlier attempts that are kept for their logs while a case is under way.
KEPT_ATTEMPTS: Final = 10
# Time between two checks of the pods of an earlier SimulationJob with the same name.
EARLIER_PAUSE: Final = timedelta(seconds=3)
# Number of Jobs with refused pods that do not count as open, so that other cases can be created in their place.
REFUSED_JOBS: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class _Starts:
    """The attempts to start. `restarts` is the number to use; a new number is stored in status before its first use."""

    actions: tuple[Action, ...] = ()
    restarts: int
    notices: tuple[Notice, ...] = ()
    again: datetime | None = None


def running(situation: Situation) -> Decision:
    """Return the decision that starts, records and reports attempts."""
    cancelling = situation.job.status.outcomes.cancelling
    actions: list[Action] = [*keptjobs.portion(keptjobs.unwanted(situation))]
    for case in situation.open:
        if case.index in cancelling:
            actions.extend(stop_pods(case.live_pods))
        else:
            actions.extend(_advance(case, situation.verdicts[case.index], situation))
    housekeeping = keptjobs.housekeeping(situation)
    starts = _start(situation, BATCH - housekeeping.size)
    starting = bool(starts.actions or starts.again or situation.has_pod(PodState.PENDING, PodState.ASSIGNED))
    actions.extend(housekeeping.some(_told(situation, starting)))
    room = keptjobs.room(situation, len(starts.actions))
    saying = reasonandmessage.explain(situation)
    times = [resync_at(situation.now), *_times(situation, starting), *([starts.again] if starts.again else [])]
    times += [at for pod in situation.live_pods if (at := injectedcontainers.stuck_at(pod)) and at > situation.now]
    if situation.observed.earlier:
        times.append(situation.now + EARLIER_PAUSE)
    looks = (notstarting.look_at(situation), queuewords.look_at(situation), queuehold.look_at(situation))
    times += [at for at in looks if at is not None]
    # The time does not run while a queue holds the job, so its end does not come closer.
    if not saying.queued and (over_at := totalseconds.over_at(situation)) is not None:
        times.append(over_at)
    return Decision(
        actions=(*actions, *room, *starts.actions),
        says=saying,
        restarts=starts.restarts,
        retrying=retrying.waiting(situation),
        notices=(
            *_lost(situation),
            *_often_disrupted(situation),
            *_removed(situation, len(room)),
            *starts.notices,
        ),
        unstarted=notstarting.pods(situation),
        held=queuewords.jobs(situation),
        look_again=max(min(times), situation.now),
    )


def _advance(case: CaseFacts, verdict: Verdict, situation: Situation) -> Iterable[Action]:
    yield from _surplus(case)
    job, now = case.job, situation.now
    if job is None:
        return
    match verdict:
        case Live(pod=pod) if job.suspended:
            yield from stop_pods([pod])
        case Live(timed_out=count) if count:
            # Once the count is stored, the pod belongs to an older attempt, and is deleted as surplus.
            yield from _count(job, count)
        case Live(pod=pod):
            if judgement.is_current(job, pod) and not pod.terminating:
                yield from _limit(pod, situation)
        case Over(count=count):
            yield from _count(job, count)
        case Held():
            if job.suspended and (patch := batchjobstatus.suspended(job, now)):
                yield WriteJobStatus(job=job, status=patch)
        case _:
            return


def _limit(pod: PodFact, situation: Situation) -> Iterable[Action]:
    """Limit the running time of the current pod, and stop one that only an injected container keeps running."""
    if (seconds := injectedcontainers.deadline(pod)) is not None:
        otherwise = f"it is deleted, with its logs, when the end of case {pod.index} is recorded"
        yield LimitRun(pod=pod, seconds=seconds, otherwise=otherwise)
    elif (seconds := timeouts.tightened(pod, situation.job.spec.timeouts)) is not None:
        otherwise = f"case {pod.index} may run longer than `runSeconds`"
        yield LimitRun(pod=pod, seconds=seconds, otherwise=otherwise)


def _told(situation: Situation, starting: bool) -> Iterable[WriteJobStatus]:
    """Yield the Job status writes for pods that run and are not being stopped."""
    cancelling = situation.job.status.outcomes.cancelling
    for case in situation.open:
        if case.index in cancelling:
            continue
        match situation.verdicts[case.index]:
            case Live(pod=pod, timed_out=None) if case.job and not (case.job.suspended or pod.terminating):
                patch = batchjobstatus.running(case.job, pod, situation.now, starting=starting)
                if patch and judgement.is_current(case.job, pod):
                    yield WriteJobStatus(job=case.job, status=patch)
            case _:
                continue


def _count(job: JobFact, count: CountAttempt) -> Iterable[Action]:
    # The status comes first: a Job that says `active` and has no pod would count as one more lost attempt.
    if patch := batchjobstatus.over(job, count):
        yield WriteJobStatus(job=job, status=patch)
    yield count


def _surplus(case: CaseFacts) -> Iterable[Action]:
    """Delete Jobs of earlier restarts, live pods of other attempts, and all but the newest ended pods.

    The number of attempts has no limit if a case is Persistent, or if a node rejects every pod.
    """
    job = case.job
    yield from (DeleteJob(job=older) for older in case.older if not older.terminating)
    yield from stop_pods(pod for pod in case.live_pods if job is None or not judgement.is_current(job, pod))
    if job is not None:
        ended = (pod for pod in case.pods if pod.job_uid == job.uid and pod.ended and not pod.gone)
        yield from stop_pods(pod for pod in ended if pod.attempt < job.attempt - KEPT_ATTEMPTS)


def _start(situation: Situation, most: int) -> _Starts:
    """Return the retries and at most `most` new cases to start within `parallelism`."""
    now, restarts = situation.now, situation.job.status.restarts
    parallelism, last = situation.job.spec.parallelism, situation.observed.last
    free = max(parallelism - situation.occupied, 0)
    due = [verdict for verdict in situation.verdicts.values() if isinstance(verdict, Due)]
    refused = sum(1 for found in due if found.job.index in situation.observed.waiting | last)
    due = [found for found in due if found.job.index not in _not_now(situation)]
    ready = [found.job for found in due if found.at is None or found.at <= now]
    retries = [job for job in ready if job.index not in last][:free]
    # While cases wait for a retry, other cases start in their place, but only up to twice `parallelism` open Jobs:
    # otherwise a sweep in which every case fails would have all its Jobs open at once.
    open_jobs = sum(1 for case in situation.open if case.job and not isinstance(situation.verdicts[case.index], Ended))
    room = min(free - len(retries), 2 * parallelism - open_jobs + min(refused, REFUSED_JOBS), most)
    startable, aside = _startable(situation), Ranges.of(last)
    chosen = tuple(startable.minus(aside).take(room))
    if not (retries or chosen):
        retries = [job for job in ready if job.index in last][:free]
        chosen = tuple(startable.intersection(aside).take(room - len(retries)))
    actions: tuple[Action, ...] = tuple(StartAttempt(job=job) for job in retries)
    if not chosen:
        return _Starts(actions=actions, restarts=restarts)
    if _names_may_be_used(situation, chosen):
        return _Starts(actions=actions, restarts=restarts + 1, notices=_jobs_lost(situation, chosen), again=now)
    created = tuple(CreateCase(index=index, restarts=restarts) for index in chosen)
    return _Starts(actions=(*actions, *created), restarts=restarts, again=now if room == most else None)


def _not_now(situation: Situation) -> Set[int]:
    """Return the cases not to create now: their creation backs off, has no answer yet, or waits for an earlier pod."""
    return situation.observed.waiting | situation.observed.under_way | situation.observed.earlier.keys()


def _startable(situation: Situation) -> Ranges:
    busy = (
        case.index
        for case in situation.open
        if not (isinstance(situation.verdicts[case.index], Absent) and not case.live_pods)
    )
    return situation.unfinished.minus(Ranges.of((*busy, *_not_now(situation))))


def _names_may_be_used(situation: Situation, chosen: tuple[int, ...]) -> bool:
    spent = situation.observed.spent
    if spent is None:
        return situation.job.status.start_time is not None
    return any(index in spent for index in chosen)


def _jobs_lost(situation: Situation, chosen: tuple[int, ...]) -> tuple[Notice, ...]:
    spent = situation.observed.spent
    if spent is None or situation.job.status.phase is Phase.SUSPENDED:
        return ()
    lost = Ranges.of(index for index in chosen if index in spent)
    note = f"the Jobs of these cases vanished without an outcome and are created again: {lost}"
    return (Notice(reason=Reason.JOB_LOST, action="Recreate", note=note, warning=True),)


def _lost(situation: Situation) -> tuple[Notice, ...]:
    verdicts = ((case.index, situation.verdicts[case.index]) for case in situation.open)
    lost = Ranges.of(index for index, verdict in verdicts if isinstance(verdict, Over) and verdict.count.lost)
    if not lost:
        return ()
    note = f"the pods of these cases vanished without an outcome and are replaced: {lost}"
    return (Notice(reason=Reason.ATTEMPT_LOST, action="Replace", note=note, warning=True),)


def _often_disrupted(situation: Situation) -> tuple[Notice, ...]:
    """Return a warning about cases that have just been disrupted for the tenth time."""
    verdicts = ((case.index, situation.verdicts[case.index]) for case in situation.open)
    counts = {index: verdict.count for index, verdict in verdicts if isinstance(verdict, Over)}
    tenth = {i: n for i, n in counts.items() if n.disruptions == retries.NOTABLE_DISRUPTIONS != n.job.disruptions}
    if not tenth:
        return ()
    index, count = min(tenth.items())
    most = situation.job.spec.retries.max_disruptions
    note = (
        f"disrupted {count.disruptions} times, of at most {most}: cases {Ranges.of(tenth)}; "
        f"case {index} the last time: {count.last_disruption}"
    )
    return (Notice(reason=Reason.OFTEN_DISRUPTED, action="Replace", note=note, warning=True),)


def _removed(situation: Situation, room: int) -> tuple[Notice, ...]:
    refusal = situation.observed.refusal
    if refusal is None or not room:
        return ()
    note = f"deleting {room} finished Jobs or pods that were kept for their logs, to make room: {refusal.message}"
    return (Notice(reason=Reason.HISTORY_REMOVED, action="MakeRoom", note=note, warning=True),)


def _times(situation: Situation, starting: bool) -> Iterable[datetime]:
    for case in situation.open:
        match situation.verdicts[case.index]:
            case Due(at=at) if at is not None and at > situation.now:
                yield at
            case Live(pod=pod) if (
                case.job and pod.state is PodState.RUNNING and not batchjobstatus.says_running(case.job)
            ):
                if (at := batchjobstatus.running_at(case.job, pod, starting=starting)) > situation.now:
                    yield at
            case Live(pod=pod):
                expiry = judgement.expiry(case.job, pod, situation.job.spec)
                if expiry and expiry.at > situation.now:
                    yield expiry.at
            case _:
                continue
