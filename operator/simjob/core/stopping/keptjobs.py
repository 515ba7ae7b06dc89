"""Which finished Jobs are kept for their logs, and which go.

A Job goes when the *stored* status has its outcome, never before.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from simjob.core.assessment import Situation
from simjob.core.attempts import judgement
from simjob.core.attempts.judgement import Ended, Outcome
from simjob.core.children import batchjobstatus
from simjob.core.facts.jobs import JobFact
from simjob.core.observed.children import CaseFacts
from simjob.core.plan import Action, DeleteJob, DeletePod, WriteJobStatus
from simjob.core.stopping import stop

# Actions that nothing waits for and that are done before the cluster is looked at again: some tenths of a second. A
# case needs three such actions in its life, so these are three times as many as the creations that fit beside them.
AT_ONCE: Final = 192
# The quota controller counts again a moment after a deletion. No more is deleted before it has had time for that.
RECOUNT: Final = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Housekeeping:
    """What nothing waits for: the last statuses of Jobs, and the deletion of surplus ones."""

    told: tuple[Action, ...]
    removed: tuple[Action, ...]

    @property
    def size(self) -> int:
        """How much of it is done at once."""
        return min(len(self.told) + len(self.removed), AT_ONCE)

    def some(self, also_told: Iterable[Action] = ()) -> tuple[Action, ...]:
        """Return the part of it, and of other Job statuses, that is done at once."""
        return (*self.told, *also_told, *self.removed)[:AT_ONCE]


def housekeeping(situation: Situation) -> Housekeeping:
    """Return what is left to do for cases that ended by themselves."""
    left = surplus(situation)
    told = (*(found for found in left if isinstance(found, WriteJobStatus)), *stop.report_ended(situation))
    return Housekeeping(told, tuple(found for found in left if not isinstance(found, WriteJobStatus)))


def portion(actions: Iterable[Action]) -> tuple[Action, ...]:
    """Return the removal of pods, and the part of the rest that is done at once: each of them brings the next pass."""
    found = tuple(actions)
    rest = [action for action in found if not isinstance(action, DeletePod)]
    return (*(action for action in found if isinstance(action, DeletePod)), *rest[:AT_ONCE])


def tidy(situation: Situation) -> tuple[Action, ...]:
    """Return what is to be done to children of closed cases: their last status, and the deletion of surplus Jobs.

    Nothing may be live there; what is, is stopped.
    """
    return (*unwanted(situation), *surplus(situation))


def unwanted(situation: Situation) -> tuple[Action, ...]:
    """Return the removal of what is left of cases that were cancelled, or that the job does not have."""
    cancelled, selection = situation.job.status.outcomes.cancelled, situation.selection
    return stop.clear(case for case in situation.closed if case.index in cancelled or case.index not in selection)


def surplus(situation: Situation) -> tuple[Action, ...]:
    """Return the last status of Jobs whose cases ended by themselves, and the deletion of all but the newest."""
    outcomes, history = situation.job.status.outcomes, situation.job.spec.history
    succeeded = [case for case in situation.closed if case.index in outcomes.succeeded]
    failed = [case for case in situation.closed if case.index in outcomes.failed]
    return (
        *_keep_newest(succeeded, history.succeeded_cases, Outcome.SUCCEEDED, situation),
        *_keep_newest(failed, history.failed_cases, Outcome.FAILED, situation),
    )


def room(situation: Situation, wanted: int) -> tuple[DeleteJob | DeletePod, ...]:
    """Return what goes so that `wanted` creations fit into a quota of objects: the oldest finished Jobs.

    Where none is left, and pods are counted, the ended pods of cases that are tried again.
    """
    refusal = situation.observed.refusal
    if refusal is None or not refusal.counts_objects or refusal.has_given_up:
        return ()
    if refusal.room_made_at is not None and situation.now < refusal.room_made_at + RECOUNT:
        return ()
    going = {action.job.uid for action in surplus(situation) if isinstance(action, DeleteJob)}
    kept = [DeleteJob(job=job) for job in situation.kept_jobs if job.uid not in going]
    if kept or going or refusal.kind != "Pod":
        return tuple(kept[: max(wanted - len(going), 0)])
    return tuple(DeletePod(pod=pod) for pod in situation.earlier_pods[:wanted])


def _keep_newest(cases: Iterable[CaseFacts], limit: int, outcome: Outcome, situation: Situation) -> list[Action]:
    found: list[Action] = []
    ready: list[JobFact] = []
    for case in cases:
        found.extend(stop.stop_pods(case.live_pods))
        found.extend(DeleteJob(job=job) for job in case.older if not job.terminating)
        if case.job is None or case.job.terminating:
            continue
        ended = judgement.judge(case, situation.job.spec, situation.now)
        if not isinstance(ended, Ended) or ended.outcome is not outcome:
            ended = Ended(outcome=outcome, job=case.job, failures=case.job.failed, reason="Error")
        if patch := batchjobstatus.finished(case.job, ended, situation.now):
            found.append(WriteJobStatus(job=case.job, status=patch))
        elif not case.live_pods:
            ready.append(case.job)
    ready.sort(key=lambda job: (job.finished_at or situation.now, job.index), reverse=True)
    found.extend(DeleteJob(job=job) for job in ready[limit:])
    return found
