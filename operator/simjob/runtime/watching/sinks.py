"""The informers' ways into the store: objects become facts; what is not ours, or no more, is left out."""

from collections.abc import Callable, Set
from datetime import datetime

from simjob.api import names
from simjob.core.facts import jobs, pods
from simjob.core.facts.apiobjects import Job, Pod
from simjob.runtime.client.key import Key
from simjob.runtime.watching.store import Store


class JobSink:
    """Takes Jobs of one namespace, or of all."""

    def __init__(self, store: Store, namespace: str | None = None) -> None:
        self._store = store
        self._namespace = namespace

    def upsert(self, obj: Job) -> None:
        """Take a Job's state."""
        fact = jobs.job_fact(obj)
        if fact and fact.managed:
            self._store.put_job(fact)
        else:
            self._disowned(obj)

    def delete(self, obj: Job) -> None:
        """Take a Job's last state."""
        fact = jobs.job_fact(obj)
        if fact and fact.managed:
            self._store.job_missing(fact)
        else:
            self._disowned(obj)

    def listed(self, uids: Set[str], version: int) -> None:
        """Take which Jobs there were at a resourceVersion."""
        self._store.listed_jobs(self._namespace, uids, version)

    def _disowned(self, obj: Job) -> None:
        meta = obj.metadata
        self._store.job_lost(Key(meta.namespace, meta.labels.get(names.LABEL_UID, "")), meta.uid)


class PodSink:
    """Takes pods of one namespace, or of all."""

    def __init__(self, store: Store, clock: Callable[[], datetime], namespace: str | None = None) -> None:
        self._store = store
        self._clock = clock
        self._namespace = namespace

    def upsert(self, obj: Pod) -> None:
        """Take a pod's state."""
        if fact := pods.pod_fact(obj, self._clock()):
            self._store.put_pod(fact)

    def delete(self, obj: Pod) -> None:
        """Take a pod's last state."""
        if fact := pods.pod_fact(obj, self._clock()):
            self._store.pod_missing(fact)

    def listed(self, uids: Set[str], version: int) -> None:
        """Take which pods there were at a resourceVersion."""
        self._store.listed_pods(self._namespace, uids, version)
