"""Read from Events why pods do not start, in the background. Queue a key when there is a new reason to report.

The API server keeps no watch cache of Events, and a busy namespace has thousands. So this reads the Events of two pods
at a time, and those of each pod rarely.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from simjob.core.facts.pods import PodFact
from simjob.core.status import notstarting
from simjob.runtime.client.errors import ClusterError
from simjob.runtime.client.key import Key
from simjob.runtime.cluster.calls import Cluster
from simjob.runtime.store.workqueue import WorkQueue

# Concurrent reads, over all SimulationJobs.
_AT_ONCE: Final = 2

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Known:
    """The last read for one SimulationJob, by pod uid: its text, and its time by the event loop's clock."""

    texts: dict[str, str] = field(default_factory=dict)
    read_at: dict[str, float] = field(default_factory=dict)
    task: asyncio.Task[None] | None = None


class PodEvents:
    """The reasons in Events why pods do not start."""

    def __init__(self, cluster: Cluster, queue: WorkQueue) -> None:
        self._cluster = cluster
        self._queue = queue
        self._places = asyncio.Semaphore(_AT_ONCE)
        self._known: dict[Key, _Known] = {}

    def words(self, key: Key) -> Mapping[str, str]:
        """Return the last known reason of each pod, by pod uid; empty text if there is none."""
        found = self._known.get(key)
        return dict(found.texts) if found else {}

    def ask(self, key: Key, pods: Sequence[PodFact]) -> None:
        """Start to read the Events of those pods that were not read recently. Drop all other pods of the key."""
        if not pods:
            self.forget(key)
            return
        known = self._known.setdefault(key, _Known())
        wanted = {pod.uid for pod in pods}
        known.texts = {uid: text for uid, text in known.texts.items() if uid in wanted}
        known.read_at = {uid: time for uid, time in known.read_at.items() if uid in wanted}
        due = [pod for pod in pods if _is_due(known.read_at.get(pod.uid))]
        if due and (known.task is None or known.task.done()):
            known.task = asyncio.create_task(self._read(key, known, due))

    def forget(self, key: Key) -> None:
        """Drop the pods of a SimulationJob, and cancel the read of their Events."""
        known = self._known.pop(key, None)
        if known and known.task:
            known.task.cancel()

    def close(self) -> None:
        """Cancel all reads."""
        for key in list(self._known):
            self.forget(key)

    async def _read(self, key: Key, known: _Known, pods: Sequence[PodFact]) -> None:
        before = dict(known.texts)
        for pod in pods:
            try:
                async with self._places:
                    events = await self._cluster.list_pod_events(pod.namespace, pod.uid)
            except ClusterError as trouble:
                about = {"namespace": pod.namespace, "pod": pod.name, "why": trouble.message}
                _log.info("cannot list the Events of a pod", extra=about)
                events = ()
            known.read_at[pod.uid] = asyncio.get_running_loop().time()
            known.texts[pod.uid] = notstarting.words(events)
        if {uid: text for uid, text in known.texts.items() if text} != before:
            self._queue.add(key)


def _is_due(read_at: float | None) -> bool:
    passed = notstarting.BETWEEN_READS.total_seconds()
    return read_at is None or asyncio.get_running_loop().time() >= read_at + passed
