"""Delete the children of a SimulationJob that is certainly gone, unless they were orphaned on purpose.

`kubectl delete --cascade=orphan` is visible only for a moment, as a finalizer of the SimulationJob, and a broken watch
misses it. Afterwards the Jobs show it: the garbage collector removes their owner reference first.
https://kubernetes.io/docs/concepts/architecture/garbage-collection/#orphaned-dependents
"""

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Final

from simjob.core import planner
from simjob.core.plan import tally
from simjob.runtime.client.errors import NotFoundError, NotOursError
from simjob.runtime.client.key import Key
from simjob.runtime.cluster.calls import Cluster
from simjob.runtime.executing import backoff
from simjob.runtime.executing.executor import Executor
from simjob.runtime.executing.passoutcome import PassOutcome
from simjob.runtime.reconciling.jobmemory import Memory
from simjob.runtime.reconciling.reporter import Reporter
from simjob.runtime.watching.store import Store
from simjob.runtime.watching.workqueue import WorkQueue

# Read at most this many Jobs to find one that exists: the garbage collector may be deleting them meanwhile.
_READ: Final = 5

_log: Final = logging.getLogger(__name__)


class Removal:
    """Delete the children of SimulationJobs that are gone."""

    def __init__(
        self,
        cluster: Cluster,
        store: Store,
        queue: WorkQueue,
        reporter: Reporter,
        executor: Executor,
        clock: Callable[[], datetime],
    ) -> None:
        self._cluster = cluster
        self._store = store
        self._queue = queue
        self._reporter = reporter
        self._executor = executor
        self._clock = clock

    async def remove(self, key: Key, memory: Memory) -> bool:
        """Make one pass. Return True if nothing is left to do, so that the key can be dropped. Raise ClusterError."""
        if not self._store.is_gone(key):
            if not (name := self._store.owner_name(key)):
                # Only pods without a Job are left. The garbage collector deletes them.
                return True
            if not memory.calls.holds(backoff.READ):
                with memory.calls.trying(backoff.READ):
                    await self._reporter.read(key, name)
            return False
        if self._store.is_orphaned(key) or not self._store.has_children(key):
            return True
        if not memory.is_owned:
            if memory.calls.holds(backoff.READ):
                return False
            with memory.calls.trying(backoff.READ):
                memory.is_owned = await self._is_owned(key)
            if not memory.is_owned:
                about = {"namespace": key.namespace, "uid": key.uid}
                _log.info("left the Jobs and pods alone: they were orphaned", extra=about)
                return True
        await self._remove(key, memory)
        return False

    async def _is_owned(self, key: Key) -> bool:
        """Return whether the Jobs still name the SimulationJob as their controller, or no Job exists any more."""
        for name in self._store.job_names(key)[:_READ]:
            try:
                found = await self._cluster.get_job(key.namespace, name)
            except NotOursError:
                return False
            except NotFoundError:
                continue
            return found.fact.owner_uid == key.uid
        return True

    async def _remove(self, key: Key, memory: Memory) -> None:
        now = self._clock()
        memory.removing_since = memory.removing_since or now
        seen = self._store.observe(key, spent=None, refusal=None)
        plan = planner.plan_removal(seen, now, memory.removing_since)
        memory.looked(waits=bool(seen.live_pods) and not plan.actions)
        actions = memory.permitted(plan.actions)
        outcome = PassOutcome(gate=memory.gate)
        await self._executor.apply(key, None, actions, outcome)
        memory.note_calls(actions, outcome)
        if actions:
            _log.info("removed children", extra={"namespace": key.namespace, "uid": key.uid, **tally(actions)})
        if outcome.trouble:
            raise outcome.trouble
        if (wait := memory.until_look(plan, self._clock())) is not None:
            self._queue.add_after(key, wait)
