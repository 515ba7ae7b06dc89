"""Find children that lack the label by which the operator lists and watches.

An earlier leader knew them by name. A new leader lists all objects without the label, once per term and namespace. That
is enough: a process knows the children that it creates, and its watches show those that lose the label later.
"""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from simjob.core.facts import childnames, identity
from simjob.core.facts.apiobjects import Meta
from simjob.runtime.client.errors import ClusterError
from simjob.runtime.client.key import Key
from simjob.runtime.cluster.calls import Cluster


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """The names of Jobs, by uid of their SimulationJob, and all pods that have the name of an attempt."""

    jobs: Mapping[str, Sequence[str]]
    pods: Sequence[Meta]


class UnlabelledChildren:
    """The children without the label. Create one instance per term."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._lists: dict[str, asyncio.Task[_Found]] = {}

    async def of(self, key: Key) -> tuple[Sequence[str], Sequence[str]]:
        """Return the names of a SimulationJob's Jobs and pods that lack the label. Raise ClusterError."""
        found = await self._in(key.namespace)
        pods = [pod.name for pod in found.pods if (its := identity.of_pod(pod, key.uid)) and its.owner_uid == key.uid]
        return found.jobs.get(key.uid, ()), pods

    def close(self) -> None:
        """Cancel all lists that are in progress."""
        for task in self._lists.values():
            task.cancel()

    async def _in(self, namespace: str) -> _Found:
        task = self._lists.get(namespace)
        if task is None:
            task = self._lists[namespace] = asyncio.create_task(self._list(namespace))
        try:
            # All SimulationJobs of the namespace wait for this list, so the cancellation of one must not cancel it.
            return await asyncio.shield(task)
        except ClusterError:
            if self._lists.get(namespace) is task:
                del self._lists[namespace]
            raise

    async def _list(self, namespace: str) -> _Found:
        listed = await self._cluster.list_unlabelled(namespace)
        jobs: dict[str, list[str]] = defaultdict(list)
        for job in listed.jobs:
            if found := identity.of_job(job):
                jobs[found.owner_uid].append(job.name)
        return _Found(jobs=jobs, pods=[pod for pod in listed.pods if childnames.names_attempt(pod.name)])
