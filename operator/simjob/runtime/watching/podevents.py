"""Why pods do not start, from their Events.

The API server keeps no watch cache of Events, and a busy namespace has thousands. So this reads the Events of two pods
at a time, and those of each pod rarely.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Final

from simjob.core.facts.pods import PodFact
from simjob.core.waiting import notstarting
from simjob.runtime.client.errors import ClusterError
from simjob.runtime.cluster.calls import Cluster
from simjob.runtime.store.workqueue import WorkQueue
from simjob.runtime.watching.backgroundreads import BackgroundReads

# Concurrent reads, over all SimulationJobs.
_AT_ONCE: Final = 2

_log = logging.getLogger(__name__)


class PodEvents(BackgroundReads[PodFact]):
    """The reasons in Events why pods do not start, by pod uid."""

    def __init__(self, cluster: Cluster, queue: WorkQueue) -> None:
        super().__init__(queue, notstarting.BETWEEN_READS)
        self._cluster = cluster
        self._places = asyncio.Semaphore(_AT_ONCE)

    async def _read(self, subjects: Sequence[PodFact]) -> Mapping[str, str]:
        found: dict[str, str] = {}
        for pod in subjects:
            try:
                async with self._places:
                    events = await self._cluster.list_pod_events(pod.namespace, pod.uid)
            except ClusterError as trouble:
                about = {"namespace": pod.namespace, "pod": pod.name, "why": trouble.message}
                _log.info("cannot list the Events of a pod", extra=about)
            else:
                found[pod.uid] = notstarting.words(events)
        return found
