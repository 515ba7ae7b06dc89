"""Why Kueue holds Jobs, from their Workloads. Optional: Kueue may not be installed, or the operator may not read it.

Then nothing is listed for some minutes, and the log says so once.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Final

from simjob.core.facts.jobs import JobFact
from simjob.core.waiting import queuewords
from simjob.runtime.client.errors import ClusterError
from simjob.runtime.cluster.calls import Cluster
from simjob.runtime.store.workqueue import WorkQueue
from simjob.runtime.watching.backgroundreads import BackgroundReads

# Concurrent reads, over all SimulationJobs.
_AT_ONCE: Final = 2
# Seconds until Workloads are listed again that were not served, or not permitted.
CLOSED: Final = 300.0
_FORBIDDEN: Final = 403
_NOT_SERVED: Final = 404
_EVERYWHERE: Final = ""

_log = logging.getLogger(__name__)


class Workloads(BackgroundReads[JobFact]):
    """The reasons in Workloads why Jobs are held, by Job uid."""

    def __init__(self, cluster: Cluster, queue: WorkQueue) -> None:
        super().__init__(queue, queuewords.BETWEEN_READS)
        self._cluster = cluster
        self._places = asyncio.Semaphore(_AT_ONCE)
        # By namespace, because the permission may be that of a Role.
        self._closed_until: dict[str, float] = {}

    async def _read(self, subjects: Sequence[JobFact]) -> Mapping[str, str]:
        namespace, uids = subjects[0].namespace, [job.uid for job in subjects]
        try:
            async with self._places:
                if self._is_closed(namespace):
                    return dict.fromkeys(uids, "")
                found = await self._cluster.list_workloads(namespace, uids)
        except ClusterError as trouble:
            self._note_trouble(namespace, trouble)
            return dict.fromkeys(uids, "") if self._is_closed(namespace) else {}
        for place in (namespace, _EVERYWHERE):
            self._closed_until.pop(place, None)
        return queuewords.words_by_job(subjects, found)

    def _is_closed(self, namespace: str) -> bool:
        now = asyncio.get_running_loop().time()
        return any(now < self._closed_until.get(place, now) for place in (namespace, _EVERYWHERE))

    def _note_trouble(self, namespace: str, trouble: ClusterError) -> None:
        about = {"namespace": namespace, "why": trouble.message, "code": trouble.code}
        if trouble.code not in (_FORBIDDEN, _NOT_SERVED):
            _log.info("cannot list Workloads of Kueue", extra=about)
            return
        place = _EVERYWHERE if trouble.code == _NOT_SERVED else namespace
        if place not in self._closed_until:
            _log.info("cannot list Workloads of Kueue; the status will not say why it holds Jobs", extra=about)
        self._closed_until[place] = asyncio.get_running_loop().time() + CLOSED
