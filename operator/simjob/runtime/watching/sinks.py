"""Pass what the informers see to the store: turn objects into facts, and skip those that are not the operator's."""

from collections.abc import Callable, Set
from datetime import datetime

from simjob.api import names
from simjob.core.facts import jobs, pods
from simjob.core.facts.apiobjects import Job, Pod
from simjob.runtime.client.key import Key
from simjob.runtime.store.store import Store


class JobSink:
    """Receive the Jobs of one namespace, or of all if it is None."""

    def __init__(self, store: Store, namespace: str | None = None) -> None:
        self._store = store
        self._namespace = namespace

    def upsert(self, obj: Job) -> None:
        """Store the state of a Job."""
        fact = jobs.job_fact(obj)
        if fact and fact.managed:
            self._store.put_job(fact)
        else:
            self._disowned(obj)

    def delete(self, obj: Job) -> None:
        """Record that the watch no longer shows a Job. `obj` is its last state."""
        fact = jobs.job_fact(obj)
        if fact and fact.managed:
            self._store.job_missing(fact)
        else:
            self._disowned(obj)

    def listed(self, uids: Set[str], version: int) -> None:
        """Record which Jobs existed at a resourceVersion."""
        self._store.listed_jobs(self._namespace, uids, version)

    def _disowned(self, obj: Job) -> None:
        meta = obj.metadata
        self._store.job_lost(Key(meta.namespace, meta.labels.get(names.LABEL_UID, "")), meta.uid)


class PodSink:
    """Receive the pods of one namespace, or of all if it is None."""

    def __init__(self, store: Store, clock: Callable[[], datetime], namespace: str | None = None) -> None:
        self._store = store
        self._clock = clock
        self._namespace = namespace

    def upsert(self, obj: Pod) -> None:
        """Store the state of a pod."""
        if fact := pods.pod_fact(obj, self._clock()):
            self._store.put_pod(fact)

    def delete(self, obj: Pod) -> None:
        """Record that the watch no longer shows a pod. `obj` is its last state."""
        if fact := pods.pod_fact(obj, self._clock()):
            self._store.pod_missing(fact)

    def listed(self, uids: Set[str], version: int) -> None:
        """Record which pods existed at a resourceVersion."""
        self._store.listed_pods(self._namespace, uids, version)
