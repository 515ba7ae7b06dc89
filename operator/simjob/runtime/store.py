"""What the operator knows of the cluster: SimulationJobs, and Jobs and pods by the SimulationJob they belong to.

Written by kopf's watch, by the informers and by the answers to the operator's own calls, whichever is newer; every
change puts the SimulationJob's key in the queue. It judges nothing and never fails on a strange object.
"""

from collections import OrderedDict
from collections.abc import Callable, Set
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple, TypeVar

from simjob.api import finished, simulationjob
from simjob.api.simulationjob import Invalid, SimulationJob
from simjob.api.status import Status
from simjob.core import cancellation, casecancellation, observed, succession
from simjob.core.facts import JobFact, PodFact
from simjob.core.observed import Observed, Refusal
from simjob.runtime.children import Children
from simjob.runtime.unknownfields import UnknownFields
from simjob.runtime.workqueue import Key, WorkQueue

F = TypeVar("F", JobFact, PodFact)

# An answer to a call may come after the watch has told of the object's end; so many ends are remembered.
_REMEMBERED_ENDS: Final = 20_000


class StopSigns(NamedTuple):
    """Why nothing new may be made of a SimulationJob."""

    gone: bool = False
    cancelled: bool = False
    cases_cancelled: bool = False
    suspended: bool = False


class Store:
    """The SimulationJobs and their children, by key. Belongs to one event loop.

    `attributed`: whether the API server alone writes the annotation that says who cancelled.
    """

    def __init__(self, queue: WorkQueue, clock: Callable[[], datetime], *, attributed: bool = False) -> None:
        self._queue = queue
        self._attributed = attributed
        self._clock = clock
        self._simulationjobs: dict[Key, SimulationJob | Invalid] = {}
        self._gone: set[Key] = set()
        self._orphaned: set[Key] = set()
        self._unlatched: set[Key] = set()
        self._children: dict[Key, Children] = {}
        self._ended: OrderedDict[str, None] = OrderedDict()
        self._unknown = UnknownFields()

    def get(self, key: Key) -> SimulationJob | Invalid | None:
        """Returns the SimulationJob, None if it is not known."""
        return self._simulationjobs.get(key)

    def is_gone(self, key: Key) -> bool:
        """Returns whether the SimulationJob was seen to be deleted."""
        return key in self._gone

    def must_not_create(self, key: Key) -> bool:
        """Returns whether the newest state that was seen forbids to make anything new, or is to be looked at first."""
        return any(self.stop_signs(key))

    def stop_signs(self, key: Key) -> StopSigns:
        """Returns what in the newest state that was seen asks to stop."""
        job = self._simulationjobs.get(key)
        if not isinstance(job, SimulationJob):
            return StopSigns(gone=True)
        return StopSigns(
            gone=job.metadata.deletion_timestamp is not None,
            cancelled=cancellation.is_wanted(job),
            cases_cancelled=key in self._unlatched,
            suspended=bool(job.spec.suspend),
        )

    def is_orphaned(self, key: Key) -> bool:
        """Returns whether who deleted the SimulationJob wanted its children to stay."""
        return key in self._orphaned

    def owner_name(self, key: Key) -> str | None:
        """Returns the name of the SimulationJob that owns the children of `key`, if a Job tells it."""
        children = self._children.get(key)
        return next((job.owner_name for job in children.jobs.values()), None) if children else None

    def observe(self, key: Key, *, spent: Set[int] | None, refusal: Refusal | None) -> Observed:
        """Returns what is known of the children of a SimulationJob."""
        children = self._children.get(key) or Children()
        job = self._simulationjobs.get(key)
        children.forget_settled(job.status if job else None)
        return observed.observe(
            children.jobs.values(),
            children.pods.values(),
            spent=spent,
            refusal=refusal,
            attributed=self._attributed,
        )

    def ended_pods(self, key: Key, job_uid: str) -> tuple[PodFact, ...]:
        """Returns the pods of a Job that have ended, are still there, and that nobody has asked to go."""
        children = self._children.get(key) or Children()
        of_job = (children.pods[uid] for uid in children.of_job.get(job_uid, ()))
        return tuple(pod for pod in of_job if pod.ended and not pod.gone and not pod.terminating)

    def has_children(self, key: Key) -> bool:
        """Returns whether a Job or a pod of the SimulationJob is there."""
        children = self._children.get(key)
        return bool(children and (children.jobs or any(not pod.gone for pod in children.pods.values())))

    def drop(self, key: Key) -> None:
        """Forgets a SimulationJob and its children."""
        self._simulationjobs.pop(key, None)
        self._children.pop(key, None)
        self._gone.discard(key)
        self._orphaned.discard(key)
        self._unlatched.discard(key)

    def seen(self, raw: dict[str, Any]) -> None:
        """Takes a SimulationJob's state if it is newer than what is known."""
        metadata = raw["metadata"]
        key = Key(metadata["namespace"], metadata["uid"])
        known = self._simulationjobs.get(key)
        if key in self._gone or (known and _version(known) >= int(metadata["resourceVersion"])):
            return
        self._simulationjobs[key] = job = _kept(self._read(known, raw))
        if job.metadata.orphans_children:
            self._orphaned.add(key)
        self._wake(key, urgent=_cancel_asked(job) or self._is_unlatched(key))

    def _read(self, known: SimulationJob | Invalid | None, raw: dict[str, Any]) -> SimulationJob | Invalid:
        """Read a state; its spec only if that is new, since a long list of cases takes tens of milliseconds."""
        if isinstance(known, SimulationJob):
            job = simulationjob.reread(known, raw)
            # The spec of one that has ended is a summary, no use for one that goes on.
            if job and (job.status.is_over or not known.status.is_over):
                return job
        reading = simulationjob.read(finished.without_cases(raw))
        self._unknown.note(reading.job.metadata, reading.unknown)
        return reading.job

    def deleted(self, raw: dict[str, Any]) -> None:
        """Takes note that a SimulationJob is gone; its children are to follow."""
        metadata = raw["metadata"]
        key = Key(metadata["namespace"], metadata["uid"])
        self._simulationjobs.pop(key, None)
        self._unlatched.discard(key)
        self._gone.add(key)
        jobs, pods = self.unseen(key, datetime.max.replace(tzinfo=UTC))
        # The garbage collector takes them with the SimulationJob.
        for unseen_job in jobs:
            self.job_deleted(unseen_job)
        for unseen_pod in pods:
            self.pod_deleted(unseen_pod)
        self._wake(key, urgent=True)

    def wrote(self, key: Key, status: Status, resource_version: str) -> None:
        """Takes the answer to the operator's own status write, which comes back from the watch later."""
        job = self._simulationjobs.get(key)
        if job and job.status and job.status.ledger.cancelled != status.ledger.cancelled:
            # Jobs of these cases may have waited for it.
            self._wake(key)
        if isinstance(job, SimulationJob) and int(resource_version) > _version(job):
            metadata = job.metadata.model_copy(update={"resource_version": resource_version})
            self._simulationjobs[key] = _kept(job.model_copy(update={"metadata": metadata, "status": status}))
            self._is_unlatched(key)
        elif isinstance(job, Invalid):
            metadata = job.metadata.model_copy(update={"resource_version": resource_version})
            self._simulationjobs[key] = replace(job, metadata=metadata, status=status)

    def wake_all(self) -> None:
        """Ask for a look at everything that is known: this process begins to lead."""
        for key in (*self._simulationjobs, *self._gone, *self._children):
            self._wake(key)

    def put_job(self, fact: JobFact) -> None:
        """Takes a Job's state if it is newer than what is known."""
        key = Key(fact.namespace, fact.owner_uid)
        children = self._children.setdefault(key, Children())
        known = children.jobs.get(fact.uid)
        if fact.uid in self._ended or (known and known.version >= fact.version):
            return
        children.put_job(fact, self._clock())
        self._wake(key)

    def put_pod(self, fact: PodFact) -> None:
        """Takes a pod's state if it is newer than what is known."""
        key = Key(fact.namespace, fact.owner_uid)
        children = self._children.setdefault(key, Children())
        known = children.pods.get(fact.uid)
        if fact.uid in self._ended or (known and known.version >= fact.version):
            return
        children.put_pod(succession.successor(known, fact) if known else fact, self._clock())
        self._wake(key)

    def job_asked_to_go(self, fact: JobFact) -> None:
        """Takes note that the API server has accepted a Job's deletion, which the watch tells later."""
        jobs = self._children.setdefault(Key(fact.namespace, fact.owner_uid), Children()).jobs
        if (known := jobs.get(fact.uid)) and not known.terminating:
            jobs[fact.uid] = replace(known, terminating=True)
            self._wake(Key(fact.namespace, fact.owner_uid))

    def job_deleted(self, fact: JobFact) -> None:
        """Takes note that a Job is gone."""
        self._remember_end(fact.uid)
        self.job_lost(Key(fact.namespace, fact.owner_uid), fact.uid)

    def job_lost(self, key: Key, uid: str) -> None:
        """Takes note that a Job is not, or no more, the SimulationJob's."""
        if (children := self._children.get(key)) and children.jobs.pop(uid, None):
            children.unseen.pop(uid, None)
            self._wake(key)

    def pod_deleted(self, fact: PodFact) -> None:
        """Takes note that a pod is gone; its last state stays until it has been counted."""
        if fact.uid in self._ended:
            return
        self._remember_end(fact.uid)
        key = Key(fact.namespace, fact.owner_uid)
        children = self._children.setdefault(key, Children())
        known = children.pods.get(fact.uid)
        last = succession.successor(known, fact) if known else fact
        children.put_pod(replace(last, gone=True, gone_at=self._clock()), self._clock())
        self._wake(key)

    def job_missing(self, fact: JobFact) -> None:
        """Take note that the watch shows a Job no more: it is gone, or has lost its label and is to be looked up."""
        key = Key(fact.namespace, fact.owner_uid)
        known = self._known(key).jobs.get(fact.uid, fact)
        job = self._simulationjobs.get(key)
        is_over = key in self._gone or (job is not None and job.status is not None and job.status.is_over)
        if is_over or known.terminating or fact.terminating or known.succeeded is not None:
            self.job_deleted(fact)
        else:
            self._look_up(key, known)

    def pod_missing(self, fact: PodFact) -> None:
        """Take note that the watch shows a pod no more: it is gone, or has lost its label and is to be looked up.

        A pod that is deleted has ended, or has a grace period of 0 in the end: without either it may still run.
        """
        key = Key(fact.namespace, fact.owner_uid)
        known = self._known(key).pods.get(fact.uid, fact)
        if key in self._gone or known.ended or fact.ended or (fact.terminating and not fact.grace):
            self.pod_deleted(fact)
        elif fact.uid not in self._ended:
            self._look_up(key, known)

    def _look_up(self, key: Key, child: JobFact | PodFact) -> None:
        children = self._children.setdefault(key, Children())
        if isinstance(child, PodFact):
            children.put_pod(child, self._clock())
        else:
            children.put_job(child, self._clock())
        children.unseen[child.uid] = self._clock()
        self._wake(key)

    def look_later(self, child: JobFact | PodFact, at: datetime) -> None:
        """Look a child up again at a time: its label cannot be given back."""
        unseen = self._known(Key(child.namespace, child.owner_uid)).unseen
        if child.uid in unseen:
            unseen[child.uid] = at

    def shown(self, child: JobFact | PodFact) -> None:
        """Take note that a child has its label after all."""
        self._known(Key(child.namespace, child.owner_uid)).unseen.pop(child.uid, None)

    def unseen(self, key: Key, now: datetime) -> tuple[tuple[JobFact, ...], tuple[PodFact, ...]]:
        """Return the Jobs and pods that the watches do not show, as far as they are to be looked up by now."""
        return self._known(key).due(now)

    def hidden_pods(self, key: Key) -> tuple[PodFact, ...]:
        """Return the live pods that neither the watch nor a list shows."""
        return self._known(key).hidden_pods()

    def has_unseen(self, key: Key) -> bool:
        """Return whether there is a Job or a pod that the watches do not show."""
        return bool(self._known(key).unseen)

    def without_job(self, key: Key) -> tuple[PodFact, ...]:
        """Return a pod of each Job that is not known and that a pod names."""
        return self._known(key).without_job()

    def without_pod(self, key: Key, now: datetime) -> tuple[JobFact, ...]:
        """Return the Jobs of unfinished cases whose current attempt may have a pod, and has none that is known."""
        job = self._simulationjobs.get(key)
        return self._known(key).without_pod(job.status if job else None, now)

    def _known(self, key: Key) -> Children:
        return self._children.get(key) or Children()

    def listed_jobs(self, namespace: str | None, uids: Set[str], version: int) -> None:
        """Takes a list of all Jobs (of a namespace): what is older than it and not in it is gone."""
        for job in self._unlisted([c.jobs for c in self._children_in(namespace)], uids, version):
            self.job_missing(job)

    def listed_pods(self, namespace: str | None, uids: Set[str], version: int) -> None:
        """Takes a list of all pods (of a namespace): what is older than it and not in it is gone."""
        for pod in self._unlisted([c.pods for c in self._children_in(namespace)], uids, version):
            self.pod_missing(pod)

    def tidy(self, *, leading: bool) -> None:
        """Forget what can change nothing any more, also where this process does not lead and plans nothing.

        A follower takes no key from the queue, so the keys of what it forgets are taken out here.
        """
        for key, children in list(self._children.items()):
            job = self._simulationjobs.get(key)
            children.forget_settled(job.status if job else None)
            if not children.jobs and not children.pods:
                del self._children[key]
        for key in [key for key in self._gone if not self.has_children(key)]:
            self.drop(key)
        if not leading:
            self._queue.keep(self._simulationjobs.keys() | self._gone | self._children.keys())

    def _children_in(self, namespace: str | None) -> list[Children]:
        return [found for key, found in self._children.items() if namespace in (None, key.namespace)]

    def _unlisted(self, known: list[dict[str, F]], uids: Set[str], version: int) -> list[F]:
        return [
            fact for facts_ in known for fact in facts_.values() if fact.version <= version and fact.uid not in uids
        ]

    def _remember_end(self, uid: str) -> None:
        self._ended[uid] = None
        if len(self._ended) > _REMEMBERED_ENDS:
            self._ended.popitem(last=False)

    def _is_unlatched(self, key: Key) -> bool:
        """Takes note and returns whether the newest state asks to cancel cases that its ledger does not have yet."""
        job = self._simulationjobs.get(key)
        if isinstance(job, SimulationJob) and casecancellation.asked_for(job):
            self._unlatched.add(key)
        else:
            self._unlatched.discard(key)
        return key in self._unlatched

    def wake(self, key: Key) -> None:
        """Have the SimulationJob planned again."""
        self._wake(key)

    def _wake(self, key: Key, *, urgent: bool = False) -> None:
        job = self._simulationjobs.get(key)
        status = job.status if job else None
        # What is left to remove after the end must not stand in another cancel's way.
        under_way = status if status and not status.is_terminal else Status()
        cancelled = under_way.cancellation is not None or under_way.ledger.cancelling is not None
        deleting = job is not None and job.metadata.deletion_timestamp is not None
        if urgent or cancelled or deleting or key in self._gone:
            self._queue.add_urgent(key)
        else:
            self._queue.add(key)


def _version(job: SimulationJob | Invalid) -> int:
    # Comparable by order since https://kep.k8s.io/5504.
    return int(job.metadata.resource_version)


def _kept(job: SimulationJob | Invalid) -> SimulationJob | Invalid:
    """Return what is kept of a SimulationJob: all of it while it is under way."""
    return finished.summary(job) if isinstance(job, SimulationJob) and job.status.is_over else job


def _cancel_asked(job: SimulationJob | Invalid) -> bool:
    wish = job.cancel if isinstance(job, Invalid) else bool(job.spec.cancel)
    return cancellation.asked_for(job.metadata, wish)
