"""The Jobs and pods that the operator knows, by the SimulationJob they belong to; one half of the store.

Written by the informers and by the answers to the operator's own calls, whichever is newer. It judges nothing but what
a child that a watch shows no more may be: gone, or without its label.
"""

from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable, Set
from dataclasses import replace
from datetime import datetime
from typing import Final, TypeVar

from simjob.api.status import Status
from simjob.core.assessment import done
from simjob.core.facts import childnames, podversions
from simjob.core.facts.jobs import JobFact
from simjob.core.facts.pods import PodFact
from simjob.runtime.client.key import Key
from simjob.runtime.watching.ownedchildren import Children

F = TypeVar("F", JobFact, PodFact)

# An answer to a call may come after the watch has brought the object's end; this many ends are remembered.
_REMEMBERED_ENDS: Final = 20_000


class ChildStore(ABC):
    """The children, by key. Belongs to one event loop."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._children: dict[Key, Children] = {}
        self._ended: OrderedDict[str, None] = OrderedDict()
        # When a pod last stopped on request, of any SimulationJob.
        self._last_stop: datetime | None = None

    @abstractmethod
    def status(self, key: Key) -> Status | None:
        """Return the newest status of the SimulationJob that was seen; None if there is none."""

    @abstractmethod
    def is_gone(self, key: Key) -> bool:
        """Return whether the SimulationJob was seen to be deleted."""

    @abstractmethod
    def wake(self, key: Key) -> None:
        """Have the SimulationJob planned again."""

    def put_job(self, fact: JobFact) -> None:
        """Take a Job's state if it is newer than what is known."""
        key = Key(fact.namespace, fact.owner_uid)
        children = self._children.setdefault(key, Children())
        known = children.jobs.get(fact.uid)
        if fact.uid in self._ended or (known and known.version >= fact.version):
            return
        children.put_job(fact, self._clock())
        self.wake(key)

    def put_pod(self, fact: PodFact) -> None:
        """Take a pod's state if it is newer than what is known."""
        key = Key(fact.namespace, fact.owner_uid)
        children = self._children.setdefault(key, Children())
        known = children.pods.get(fact.uid)
        if fact.uid in self._ended or (known and known.version >= fact.version):
            return
        self._keep(children, podversions.successor(known, fact) if known else fact)
        self.wake(key)

    def job_asked_to_go(self, fact: JobFact) -> None:
        """Take note that the API server has accepted a Job's deletion, which the watch brings later."""
        jobs = self._children.setdefault(Key(fact.namespace, fact.owner_uid), Children()).jobs
        if (known := jobs.get(fact.uid)) and not known.terminating:
            jobs[fact.uid] = replace(known, terminating=True)
            self.wake(Key(fact.namespace, fact.owner_uid))

    def job_deleted(self, fact: JobFact) -> None:
        """Take note that a Job is gone."""
        self._remember_end(fact.uid)
        self.job_lost(Key(fact.namespace, fact.owner_uid), fact.uid)

    def job_lost(self, key: Key, uid: str) -> None:
        """Take note that a Job does not belong to the SimulationJob, or not any more."""
        if (children := self._children.get(key)) and children.jobs.pop(uid, None):
            children.unseen.pop(uid, None)
            self.wake(key)

    def pod_deleted(self, fact: PodFact) -> None:
        """Take note that a pod is gone; its last state stays until it has been counted."""
        if fact.uid in self._ended:
            return
        self._remember_end(fact.uid)
        key = Key(fact.namespace, fact.owner_uid)
        children = self._children.setdefault(key, Children())
        known = children.pods.get(fact.uid)
        last = podversions.successor(known, fact) if known else fact
        self._keep(children, replace(last, gone=True, gone_at=self._clock()))
        self.wake(key)

    def job_missing(self, fact: JobFact) -> None:
        """Take note that the watch shows a Job no more: it is gone, or has lost its label and is to be looked up.

        A finished Job may be all that knows how its case ended, until the stored ledger has the case.
        """
        key = Key(fact.namespace, fact.owner_uid)
        known = self._known(key).jobs.get(fact.uid, fact)
        status = self.status(key)
        is_over = self.is_gone(key) or (status is not None and status.is_over)
        is_counted = known.succeeded is not None and status is not None and known.index in done(status.ledger)
        if is_over or known.terminating or fact.terminating or is_counted:
            self.job_deleted(fact)
        elif fact.uid not in self._ended:
            self._look_up(key, known)

    def pod_missing(self, fact: PodFact) -> None:
        """Take note that the watch shows a pod no more: it is gone, or has lost its label and is to be looked up.

        A pod that is deleted has ended, or has a grace period of 0 in the end: without either it may still run.
        """
        key = Key(fact.namespace, fact.owner_uid)
        known = self._known(key).pods.get(fact.uid, fact)
        if self.is_gone(key) or known.ended or fact.ended or (fact.terminating and not fact.grace):
            self.pod_deleted(fact)
        elif fact.uid not in self._ended:
            self._look_up(key, known)

    def listed_jobs(self, namespace: str | None, uids: Set[str], version: int) -> None:
        """Take a list of all Jobs (of a namespace): what is older than it and not in it is gone."""
        for job in self._unlisted([c.jobs for c in self._children_in(namespace)], uids, version):
            self.job_missing(job)

    def listed_pods(self, namespace: str | None, uids: Set[str], version: int) -> None:
        """Take a list of all pods (of a namespace): what is older than it and not in it is gone."""
        for pod in self._unlisted([c.pods for c in self._children_in(namespace)], uids, version):
            self.pod_missing(pod)

    def look_later(self, child: JobFact | PodFact, at: datetime) -> None:
        """Look a child up again at a time: its label cannot be given back."""
        unseen = self._known(Key(child.namespace, child.owner_uid)).unseen
        if child.uid in unseen:
            unseen[child.uid] = at

    def shown(self, child: JobFact | PodFact) -> None:
        """Take note that a child has its label after all."""
        self._known(Key(child.namespace, child.owner_uid)).unseen.pop(child.uid, None)

    def owner_name(self, key: Key) -> str | None:
        """Return the name of the SimulationJob that owns the children of `key`, if a Job names it."""
        children = self._children.get(key)
        return next((job.owner_name for job in children.jobs.values()), None) if children else None

    def job_names(self, key: Key) -> tuple[str, ...]:
        """Return the names of the SimulationJob's Jobs, the oldest first, and of those that only its pods name."""
        children = self._known(key)
        jobs = sorted(children.jobs.values(), key=lambda job: (job.created, job.name))
        pods = sorted(childnames.job_of(pod.name) for pod in children.pods.values() if not pod.gone)
        return tuple(dict.fromkeys([*(job.name for job in jobs), *pods]))

    def ended_pods(self, key: Key, job_uid: str) -> tuple[PodFact, ...]:
        """Return the pods of a Job that have ended, are still there, and that nobody has asked to go."""
        children = self._children.get(key) or Children()
        of_job = (children.pods[uid] for uid in children.of_job.get(job_uid, ()))
        return tuple(pod for pod in of_job if pod.ended and not pod.gone and not pod.terminating)

    def has_children(self, key: Key) -> bool:
        """Return whether a Job or a pod of the SimulationJob is there."""
        children = self._children.get(key)
        return bool(children and (children.jobs or any(not pod.gone for pod in children.pods.values())))

    def live(self, key: Key) -> tuple[tuple[PodFact, ...], int]:
        """Return the live pods that nobody has asked to stop, by case, and how many were asked."""
        return self._known(key).live()

    def last_stop(self) -> datetime | None:
        """Return when a pod last stopped on request, of any SimulationJob; None if no other pod is being stopped."""
        return self._last_stop if any(found.stopping for found in self._children.values()) else None

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
        return self._known(key).without_pod(self.status(key), now)

    def _keep(self, children: Children, pod: PodFact) -> None:
        known, now = children.pods.get(pod.uid), self._clock()
        if known and known.live and known.terminating and not pod.live:
            self._last_stop = now
        children.put_pod(pod, now)

    def _look_up(self, key: Key, child: JobFact | PodFact) -> None:
        children = self._children.setdefault(key, Children())
        if isinstance(child, PodFact):
            children.put_pod(child, self._clock())
        else:
            children.put_job(child, self._clock())
        children.unseen[child.uid] = self._clock()
        self.wake(key)

    def _known(self, key: Key) -> Children:
        return self._children.get(key) or Children()

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
