"""The known Jobs and pods, by the SimulationJob that owns them. The store inherits from this.

The informers and the responses to the operator's own calls write to it; the newest resourceVersion wins. It makes only
one decision: whether a child that a watch no longer shows is gone or has lost its label.
"""

from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable, Set
from dataclasses import replace
from datetime import datetime
from typing import Final, TypeVar

from simjob.api.status import Status
from simjob.core.assessment import done
from simjob.core.facts import podversions
from simjob.core.facts.jobs import JobFact
from simjob.core.facts.pods import PodFact
from simjob.runtime.client.key import Key
from simjob.runtime.store.ownedchildren import Children

F = TypeVar("F", JobFact, PodFact)

# The number of deleted uids to remember. The response to a call can arrive after the watch has shown the deletion.
_REMEMBERED_ENDS: Final = 20_000


class ChildStore(ABC):
    """The children of all SimulationJobs, by key. Use it in one event loop only."""

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
        """Queue the SimulationJob, so that it is planned again."""

    def put_job(self, fact: JobFact) -> None:
        """Store the state of a Job if it is newer than the known one, and wake its SimulationJob."""
        key = Key(fact.namespace, fact.owner_uid)
        children = self._children.setdefault(key, Children())
        known = children.jobs.get(fact.uid)
        if fact.uid in self._ended or (known and known.version >= fact.version):
            return
        children.put_job(fact, self._clock())
        self.wake(key)

    def put_pod(self, fact: PodFact) -> None:
        """Store the state of a pod if it is newer than the known one, and wake its SimulationJob."""
        key = Key(fact.namespace, fact.owner_uid)
        children = self._children.setdefault(key, Children())
        known = children.pods.get(fact.uid)
        if fact.uid in self._ended or (known and known.version >= fact.version):
            return
        self._keep(children, podversions.successor(known, fact) if known else fact)
        self.wake(key)

    def job_asked_to_go(self, fact: JobFact) -> None:
        """Record that the API server has accepted the deletion of a Job. The watch shows it later."""
        jobs = self._children.setdefault(Key(fact.namespace, fact.owner_uid), Children()).jobs
        if (known := jobs.get(fact.uid)) and not known.terminating:
            jobs[fact.uid] = replace(known, terminating=True)
            self.wake(Key(fact.namespace, fact.owner_uid))

    def job_deleted(self, fact: JobFact) -> None:
        """Record that a Job is gone."""
        self._remember_end(fact.uid)
        self.job_lost(Key(fact.namespace, fact.owner_uid), fact.uid)

    def job_lost(self, key: Key, uid: str) -> None:
        """Record that a Job does not belong to the SimulationJob (any more)."""
        if (children := self._children.get(key)) and children.jobs.pop(uid, None):
            children.unseen.pop(uid, None)
            self.wake(key)

    def pod_deleted(self, fact: PodFact) -> None:
        """Record that a pod is gone. Its last state stays until its end was counted."""
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
        """Record that the watch no longer shows a Job: it is gone, or it has lost its label and must be looked up.

        Until the stored status has the outcome of a case, its finished Job may be the only record of it.
        """
        key = Key(fact.namespace, fact.owner_uid)
        known = self._known(key).jobs.get(fact.uid, fact)
        status = self.status(key)
        is_over = self.is_gone(key) or (status is not None and status.is_over)
        is_counted = known.succeeded is not None and status is not None and known.index in done(status.outcomes)
        if is_over or known.terminating or fact.terminating or is_counted:
            self.job_deleted(fact)
        elif fact.uid not in self._ended:
            self._look_up(key, known)

    def pod_missing(self, fact: PodFact) -> None:
        """Record that the watch no longer shows a pod: it is gone, or it has lost its label and must be looked up.

        The last state of a deleted pod has ended, or has a grace period of 0. Otherwise the pod may still run.
        """
        key = Key(fact.namespace, fact.owner_uid)
        known = self._known(key).pods.get(fact.uid, fact)
        if self.is_gone(key) or known.ended or fact.ended or (fact.terminating and not fact.grace):
            self.pod_deleted(fact)
        elif fact.uid not in self._ended:
            self._look_up(key, known)

    def listed_jobs(self, namespace: str | None, uids: Set[str], version: int) -> None:
        """Compare with a list of all Jobs (of a namespace). Known Jobs that are older and not in it are missing."""
        for job in self._unlisted([c.jobs for c in self._children_in(namespace)], uids, version):
            self.job_missing(job)

    def listed_pods(self, namespace: str | None, uids: Set[str], version: int) -> None:
        """Compare with a list of all pods (of a namespace). Known pods that are older and not in it are missing."""
        for pod in self._unlisted([c.pods for c in self._children_in(namespace)], uids, version):
            self.pod_missing(pod)

    def look_later(self, child: JobFact | PodFact, at: datetime) -> None:
        """Look a child up again at a given time, because its label cannot be restored."""
        unseen = self._known(Key(child.namespace, child.owner_uid)).unseen
        if child.uid in unseen:
            unseen[child.uid] = at

    def shown(self, child: JobFact | PodFact) -> None:
        """Record that a child has its label after all."""
        self._known(Key(child.namespace, child.owner_uid)).unseen.pop(child.uid, None)

    def ended_pods(self, key: Key, job_uid: str) -> tuple[PodFact, ...]:
        """Return the pods of a Job that have ended, still exist and are not terminating."""
        children = self._children.get(key) or Children()
        of_job = (children.pods[uid] for uid in children.of_job.get(job_uid, ()))
        return tuple(pod for pod in of_job if pod.ended and not pod.gone and not pod.terminating)

    def last_stop(self) -> datetime | None:
        """Return when a pod of any SimulationJob last stopped on request; None if no pod is terminating now."""
        return self._last_stop if any(found.stopping for found in self._children.values()) else None

    def unseen(self, key: Key, now: datetime) -> tuple[tuple[JobFact, ...], tuple[PodFact, ...]]:
        """Return the Jobs and pods that the watches do not show and whose lookup is due."""
        return self._known(key).due(now)

    def hidden_pods(self, key: Key) -> tuple[PodFact, ...]:
        """Return the live pods that neither the watch nor a list shows."""
        return self._known(key).hidden_pods()

    def has_unseen(self, key: Key) -> bool:
        """Return whether the SimulationJob has a Job or a pod that the watches do not show."""
        return bool(self._known(key).unseen)

    def without_job(self, key: Key) -> tuple[PodFact, ...]:
        """Return one pod for each Job that pods name as their owner but that is unknown."""
        return self._known(key).without_job()

    def without_pod(self, key: Key, now: datetime) -> tuple[JobFact, ...]:
        """Return the Jobs of unfinished cases whose current attempt has no known pod, although it may have one."""
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
