"""Which finished Jobs are kept for their logs, and which are deleted.

A Job is deleted only after the outcome of its case is in the *stored* status, and so is safe.
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

# Maximum number of housekeeping actions in one pass, which take a few tenths of a second. A case needs three of them in
# its life, so this is about three times the number of creations that fit into the same pass.
AT_ONCE: Final = 192
# Time for the quota controller to count again after a deletion. Until then no more is deleted.
RECOUNT: Final = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Housekeeping:
    """Actions of low priority: the last status of Jobs, and the deletion of Jobs that are not kept."""

    statuses: tuple[Action, ...]
    removed: tuple[Action, ...]

    @property
    def size(self) -> int:
        """Return how many of the actions are done in one pass."""
        return min(len(self.statuses) + len(self.removed), AT_ONCE)

    def some(self, more_statuses: Iterable[Action] = ()) -> tuple[Action, ...]:
        """Return the actions for one pass. `more_statuses` are further Job statuses, written before the deletions."""
        return (*self.statuses, *more_statuses, *self.removed)[:AT_ONCE]


def housekeeping(situation: Situation) -> Housekeeping:
    """Return the remaining actions for cases that ended by themselves."""
    left = surplus(situation)
    statuses = (*(found for found in left if isinstance(found, WriteJobStatus)), *stop.report_ended(situation))
    return Housekeeping(statuses, tuple(found for found in left if not isinstance(found, WriteJobStatus)))


def portion(actions: Iterable[Action]) -> tuple[Action, ...]:
    """Return all deletions of pods, and as many other actions as one pass does. Their results trigger the next pass."""
    found = tuple(actions)
    rest = [action for action in found if not isinstance(action, DeletePod)]
    return (*(action for action in found if isinstance(action, DeletePod)), *rest[:AT_ONCE])


def tidy(situation: Situation) -> tuple[Action, ...]:
    """Return the actions for children of closed cases: the last status of Jobs, and the deletion of those not kept.

    Live pods of closed cases are stopped.
    """
    return (*unwanted(situation), *surplus(situation))


def unwanted(situation: Situation) -> tuple[Action, ...]:
    """Return the deletion of all children of cases that were cancelled, or that the job does not have."""
    cancelled, selection = situation.job.status.outcomes.cancelled, situation.selection
    return stop.clear(case for case in situation.closed if case.index in cancelled or case.index not in selection)


def surplus(situation: Situation) -> tuple[Action, ...]:
    """Return the last status of Jobs whose cases ended by themselves, and the deletion of Jobs beyond `history`."""
    outcomes, history = situation.job.status.outcomes, situation.job.spec.history
    succeeded = [case for case in situation.closed if case.index in outcomes.succeeded]
    failed = [case for case in situation.closed if case.index in outcomes.failed]
    return (
        *_keep_newest(succeeded, history.succeeded_cases, Outcome.SUCCEEDED, situation),
        *_keep_newest(failed, history.failed_cases, Outcome.FAILED, situation),
    )


def room(situation: Situation, wanted: int) -> tuple[DeleteJob | DeletePod, ...]:
    """Return what to delete so that `wanted` creations fit into a quota on objects: the oldest finished Jobs.

    If no finished Job is left and the quota counts pods: the ended pods of earlier attempts.
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
