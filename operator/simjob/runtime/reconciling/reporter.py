"""Write the status of a plan: after the results are stored, and after proof if it says that no pod is live.

One write contains everything that must agree: phase, counts, outcomes of cases, and the names of result ConfigMaps.
"""

import asyncio
import logging
from enum import Enum, auto
from typing import Final

from simjob.api.names import Reason
from simjob.api.simulationjob import Invalid, Metadata, SimulationJob
from simjob.api.status import Status
from simjob.core.plan import Notice, Plan
from simjob.core.status import hints, notices, urgency
from simjob.runtime.client.errors import ClusterError, ConflictError, NotFoundError, UnavailableError
from simjob.runtime.client.key import Key
from simjob.runtime.cluster import mergepatch
from simjob.runtime.cluster.calls import Cluster
from simjob.runtime.cluster.events import Recorder
from simjob.runtime.executing import backoff
from simjob.runtime.reconciling.jobmemory import REFUSED, Memory
from simjob.runtime.reconciling.lostlabels import Lookup
from simjob.runtime.reconciling.resultstore import ResultStore
from simjob.runtime.store.store import Store
from simjob.runtime.store.workqueue import WorkQueue

# Seconds without a response from the API server before an Event reports it.
_PATIENCE: Final = 15.0

_log: Final = logging.getLogger(__name__)


class Report(Enum):
    """The result of reporting a status.

    CURRENT: it is written, or may wait. OVERTAKEN: the plan was made from an old state. HELD: the write backs off.
    """

    CURRENT = auto()
    OVERTAKEN = auto()
    HELD = auto()


class Reporter:
    """The only writer of SimulationJob statuses."""

    def __init__(
        self, cluster: Cluster, store: Store, queue: WorkQueue, results: ResultStore, recorder: Recorder, lookup: Lookup
    ) -> None:
        self._cluster = cluster
        self._store = store
        self._queue = queue
        self._results = results
        self._recorder = recorder
        self._lookup = lookup

    async def report(self, key: Key, job: SimulationJob | Invalid, plan: Plan, memory: Memory) -> Report:
        """Write the status of the plan if it differs, unless it was written less than a second ago or backs off.

        An urgent change does not wait for that second. Post an Event for each transition. Raise ClusterError.
        """
        if plan.status is None or job.status is None:
            return Report.CURRENT
        new, old = plan.status.in_step(), job.status
        if new == old:
            return Report.CURRENT
        if (wait := memory.until_write()) > 0 and not urgency.is_urgent(old, new):
            self._queue.add_after(key, wait)
            return Report.CURRENT
        latches = urgency.latches(old, new)
        if memory.holds_status(latches=latches):
            return Report.HELD
        try:
            if not await self._is_proven(key, plan):
                memory.status_failed(latches=latches, at_once=True)
                return Report.OVERTAKEN
            new, result_notices = await self._with_results(key, job, plan, new)
            version = await self._write(job, old, new)
        except (ConflictError, NotFoundError):
            self._results.forget(key)
            memory.status_failed(latches=latches, at_once=True)
            with memory.calls.trying(backoff.READ):
                await self.read(key, job.metadata.name)
            return Report.OVERTAKEN
        except asyncio.CancelledError:
            # It is unknown what was stored, so read it again.
            self._results.forget(key)
            raise
        except ClusterError as trouble:
            self._results.forget(key)
            memory.status_failed(latches=latches)
            self._warn(job.metadata, memory, trouble)
            raise
        self._wrote(key, job, new, version, memory)
        self._recorder.note(job.metadata, (*notices.of_change(old, new), *result_notices))
        return Report.CURRENT

    async def _write(self, job: SimulationJob | Invalid, old: Status, new: Status) -> str:
        meta = job.metadata
        return await self._cluster.patch_simulationjob_status(
            meta.namespace,
            meta.name,
            meta.resource_version,
            new.completed(mergepatch.difference(old.to_api(as_given=True), new.to_api())),
        )

    def _wrote(self, key: Key, job: SimulationJob | Invalid, new: Status, version: str, memory: Memory) -> None:
        self._store.wrote(key, new, version)
        memory.wrote()
        if new.is_terminal:
            self._results.drop(key)
        old = job.status or Status()
        if new.restarts != old.restarts:
            memory.restarts, memory.spent = new.restarts, set()
        if old.phase is not new.phase:
            about = {**key._asdict(), "simulationjob": job.metadata.name}
            _log.info("phase changed", extra={**about, "phase": new.phase, "why": new.reason})

    def _warn(self, metadata: Metadata, memory: Memory, trouble: ClusterError) -> None:
        """Post one Event that the status cannot be written, because the status itself cannot show it."""
        lasts = not isinstance(trouble, UnavailableError) or memory.calls.failing_for(backoff.STATUS) >= _PATIENCE
        if memory.warned_of_status or memory.calls.failures(backoff.STATUS) < REFUSED or not lasts:
            return
        memory.warned_of_status = True
        note = (
            "the status cannot be written, so it is out of date and no case starts; "
            f"the operator tries again every ten seconds: {trouble.message}"
        )
        if hint := hints.about_status(trouble.message):
            note = f"{note}; {hint}"
        self._recorder.note(
            metadata, (Notice(reason=Reason.STATUS_REFUSED, action="WriteStatus", note=note, warning=True),)
        )

    async def _with_results(
        self, key: Key, job: SimulationJob | Invalid, plan: Plan, new: Status
    ) -> tuple[Status, tuple[Notice, ...]]:
        """Store the results of the cases that end with `new`; return `new` with their shards, and Events about it."""
        if isinstance(job, Invalid):
            if job.known is None:
                return new, ()
            job = job.known
        last = new.is_terminal and not job.status.is_terminal
        if not (plan.ends or last):
            return new, ()
        found, result_notices = await self._results.save(key, job, plan.ends, last=last)
        return new.model_copy(update={"results": found}), result_notices

    async def _is_proven(self, key: Key, plan: Plan) -> bool:
        """Return whether a list proves that no pod is live where the status says so. The store may be out of date."""
        if not (plan.needs_proof or plan.stopped):
            return True
        await self._lookup.find_pods(key)
        listed = await self._cluster.list_pods(key.namespace, key.uid, live_only=True)
        for pod in listed:
            self._store.put_pod(pod)
        live = (*listed, *self._store.hidden_pods(key))
        return not any(plan.needs_proof or pod.index in plan.stopped for pod in live)

    async def read(self, key: Key, name: str) -> None:
        """Read the SimulationJob and store its current state, or that it is gone. Raise ClusterError."""
        try:
            raw = await self._cluster.get_simulationjob(key.namespace, name)
        except NotFoundError:
            raw = None
        if raw is None or raw["metadata"]["uid"] != key.uid:
            self._store.deleted({"metadata": {"namespace": key.namespace, "name": name, "uid": key.uid}})
        else:
            self._store.seen(raw)

    def forget(self, key: Key) -> None:
        """Drop the results of a SimulationJob that is gone."""
        self._results.drop(key)
