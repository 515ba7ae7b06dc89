"""Read the children that another process may have created, before this process plans a job for the first time.

The watches may not show the newest children yet. A plan without them could run a case a second time.
"""

import asyncio
import logging
from typing import Final

from simjob.api.names import Reason
from simjob.api.simulationjob import Invalid, SimulationJob
from simjob.core.children import childmetadata
from simjob.core.plan import Notice
from simjob.core.rules import cancellation
from simjob.core.rules.running import EARLIER_PAUSE
from simjob.runtime.client.errors import ClusterError
from simjob.runtime.client.key import Key
from simjob.runtime.cluster.calls import Cluster
from simjob.runtime.cluster.events import Recorder
from simjob.runtime.executing import backoff, unawaitedcalls
from simjob.runtime.reconciling.jobmemory import REFUSED, Memory
from simjob.runtime.reconciling.lostlabels import Lookup
from simjob.runtime.reconciling.unlabelled import UnlabelledChildren
from simjob.runtime.store.store import Store

_log: Final = logging.getLogger(__name__)


class CatchingUp:
    """Read the children of SimulationJobs that this process plans for the first time."""

    def __init__(self, cluster: Cluster, store: Store, lookup: Lookup, recorder: Recorder) -> None:
        self._cluster = cluster
        self._store = store
        self._lookup = lookup
        self._recorder = recorder
        self._unlabelled = UnlabelledChildren(cluster)
        self.close = self._unlabelled.close

    def is_done(self, job: SimulationJob | Invalid, memory: Memory) -> bool:
        """Return whether everything that a plan needs was read. A stop needs no pods of earlier SimulationJobs."""
        return memory.is_caught_up and (memory.earlier is not None or cancellation.stops_all(job))

    async def catch_up(self, key: Key, job: SimulationJob | Invalid, memory: Memory) -> None:
        """Read the children, and the pods of earlier SimulationJobs of the name; record in `memory` that it is done.

        Do nothing while this backs off. Skip the earlier pods if all cases must stop.

        Raise ClusterError; post an Event for the third failure in a row.
        """
        if memory.calls.holds(backoff.CATCH_UP):
            return
        status = job.status
        if status is None or status.is_terminal:
            memory.earlier = {}
        else:
            try:
                with memory.calls.trying(backoff.CATCH_UP):
                    if status.start_time is not None:
                        await self._read(key)
                    await self._read_earlier(key, job, memory)
            except ClusterError as trouble:
                if memory.calls.failures(backoff.CATCH_UP) == REFUSED:
                    self._recorder.note(job.metadata, (_notice(trouble),))
                raise
        memory.is_caught_up = True

    async def look_again(self, key: Key, job: SimulationJob | Invalid, memory: Memory) -> None:
        """Read the pods of earlier SimulationJobs of the name again while there are any, with pauses.

        After an error the last known pods count, and only their cases wait. Read nothing if all cases must stop.
        """
        due = asyncio.get_running_loop().time() >= memory.earlier_at + EARLIER_PAUSE.total_seconds()
        if not memory.earlier or not due or cancellation.stops_all(job) or memory.calls.holds(backoff.CATCH_UP):
            return
        try:
            with memory.calls.trying(backoff.CATCH_UP):
                await self._read_earlier(key, job, memory)
        except ClusterError as trouble:
            about = {**key._asdict(), "why": trouble.message}
            _log.warning("cannot list the pods of an earlier SimulationJob", extra=about)

    async def _read_earlier(self, key: Key, job: SimulationJob | Invalid, memory: Memory) -> None:
        """Read the earlier pods. Stop reading when all cases must stop: a cancel must not wait for a slow response."""
        if self._stops_all(key):
            return
        name = childmetadata.name_label(job.metadata.name)
        reading = self._cluster.list_earlier_pods(key.namespace, name, key.uid)
        pods = await unawaitedcalls.unless_overtaken(reading, lambda: self._stops_all(key))
        if pods is None:
            return
        memory.earlier = {pod.index: pod.name for pod in pods}
        memory.earlier_at = asyncio.get_running_loop().time()

    def _stops_all(self, key: Key) -> bool:
        job = self._store.get(key)
        return job is None or cancellation.stops_all(job)

    async def _read(self, key: Key) -> None:
        for job in await self._cluster.list_jobs(key.namespace, key.uid):
            self._store.put_job(job)
        for pod in await self._cluster.list_pods(key.namespace, key.uid, live_only=False):
            self._store.put_pod(pod)
        await self._lookup.find(key, *await self._unlabelled.of(key))
        await self._lookup.find_jobs(key)
        await self._lookup.find_pods(key)


def _notice(trouble: ClusterError) -> Notice:
    note = (
        "the Jobs and pods of an earlier operator cannot be read, so no case starts and the status is out of date; a "
        f"cancel stops only the known pods. The operator tries again every ten seconds: {trouble.message}"
    )
    return Notice(reason=Reason.CHILDREN_UNREADABLE, action="CatchUp", note=note, warning=True)
