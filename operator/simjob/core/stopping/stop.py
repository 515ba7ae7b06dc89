"""Stopping live pods: for a cancel, a suspension, a refused spec, or a SimulationJob that is gone.

Pods are deleted first, in parallel, each with its own grace period; Jobs follow. For 1,000 running pods, all have
SIGTERM after about 2 s. If the Jobs are deleted first, it takes 4 to 5 s; deletecollection takes 11 to 15 s.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from simjob.core.assessment import Situation
from simjob.core.children import batchjobstatus
from simjob.core.facts.pods import PodFact
from simjob.core.observed.children import CaseFacts, Observed
from simjob.core.plan import Action, DeleteJob, DeletePod, WriteJobStatus, resync_at
from simjob.core.waiting import overdue

# While pods are live, Jobs are deleted after this time without a pod being deleted or having stopped, and in any case
# after the second time since the last pod was deleted.
HEAD_START: Final = timedelta(seconds=5)
LONGEST_START: Final = timedelta(minutes=2)
# How long the Jobs of an ended or deleted sweep wait for the pods of others. A slow API server needs more than three
# minutes for the ends of 10,000 pods.
OTHERS_FIRST: Final = timedelta(minutes=5)


def suspend(situation: Situation) -> tuple[Action, ...]:
    """Return the actions that stop a job's cases so that they can run again later, in new Jobs."""
    jobs = [DeleteJob(job=job) for job in situation.unfinished_jobs if job.index not in situation.dropped]
    return (*stop_for_good(situation), *jobs)


def stop_for_good(situation: Situation) -> tuple[Action, ...]:
    """Return the actions that stop a job's cases for good.

    The Jobs are deleted once the outcomes are stored (core/stopping/keptjobs.py): until then, only they have the time
    that earlier attempts ran.
    """
    return (*stop_pods(situation.live_pods), *report_ended(situation))


def report_ended(situation: Situation) -> tuple[WriteJobStatus, ...]:
    """Return the status writes for Jobs of cases that ended by themselves."""
    found: list[WriteJobStatus] = []
    for case, ended in situation.ended:
        if case.job and (patch := batchjobstatus.finished(case.job, ended, situation.now)):
            found.append(WriteJobStatus(job=case.job, status=patch))
    return tuple(found)


def clear(cases: Iterable[CaseFacts]) -> tuple[Action, ...]:
    """Return the actions that delete all children of the cases, whatever their state."""
    found = tuple(cases)
    pods = stop_pods(pod for case in found for pod in case.live_pods)
    jobs = [job for case in found if not case.live_pods for job in (case.job, *case.older) if job]
    return (*pods, *(DeleteJob(job=job) for job in jobs if not job.terminating))


def stop_pods(pods: Iterable[PodFact]) -> tuple[DeletePod, ...]:
    """Return the deletions of the pods that are not being deleted yet."""
    return tuple(DeletePod(pod=pod) for pod in pods if not pod.terminating)


def look_again(pods: Iterable[PodFact], now: datetime, since: datetime | None = None) -> datetime:
    """Return when to check pods that are being stopped: when the next one is overdue, or at the usual resync."""
    times = (overdue.overdue_at(pod, since) for pod in pods)
    return min([resync_at(now), *(at for at in times if at and at > now)])


def jobs_go_at(observed: Observed, since: datetime | None = None) -> datetime | None:
    """Return when Jobs may be deleted while pods are being stopped; None for now.

    The deletion of Jobs is not urgent, and would keep the API server from handling the kubelets' reports of stopped
    pods. But a pod that does not stop must not delay the Jobs of all others. `since`: when the stop was requested, for
    pods whose deletion the API server has not accepted.
    """
    asked = [pod.asked_at or since for pod in observed.live_pods]
    last = max((at for at in asked if at), default=None)
    if last is None:
        return None
    return min(max(last, observed.last_stop or last) + HEAD_START, last + LONGEST_START)


def jobs_go_after_others_at(observed: Observed, since: datetime | None) -> datetime | None:
    """Return when the Jobs of a SimulationJob without live pods may be deleted; None for now.

    Pods of other SimulationJobs may be stopping; they have priority, for at most five minutes. `since`: when this
    SimulationJob ended or was deleted.
    """
    if observed.last_stop is None or since is None:
        return None
    return min(observed.last_stop + HEAD_START, since + OTHERS_FIRST)
