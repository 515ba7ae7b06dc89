"""Prove that a SimulationJob is gone and that its children were not orphaned, before any of them is deleted.

`kubectl delete --cascade=orphan` is visible only for a moment, as a finalizer of the SimulationJob, and a broken watch
misses it. Afterwards the Jobs show it: the garbage collector removes their owner reference first.
https://kubernetes.io/docs/concepts/architecture/garbage-collection/#orphaned-dependents
"""

import logging
from enum import Enum, auto
from typing import Final

from simjob.runtime.client.errors import NotFoundError, NotOursError
from simjob.runtime.cluster.calls import Cluster
from simjob.runtime.executing import backoff
from simjob.runtime.reconciling.jobmemory import Memory
from simjob.runtime.reconciling.reporter import Reporter
from simjob.runtime.store.view import View

# Read at most this many Jobs to find one that exists: the garbage collector may be deleting them meanwhile.
_READ: Final = 5

_log: Final = logging.getLogger(__name__)


class Proof(Enum):
    """What is proven: the children may be deleted; nothing is left to do, so the key can be dropped; nothing yet."""

    GONE = auto()
    FORGETTABLE = auto()
    OPEN = auto()


class Removal:
    """Decides whether the children of a SimulationJob may be deleted; core/rules/deletion.py plans how."""

    def __init__(self, cluster: Cluster, reporter: Reporter) -> None:
        self._cluster = cluster
        self._reporter = reporter

    async def proven(self, view: View, memory: Memory) -> Proof:
        """Return what is proven of a SimulationJob that the store does not have, by reads if need be.

        Raise ClusterError.
        """
        if not view.is_gone:
            if not (name := view.owner_name):
                # Only pods without a Job are left. The garbage collector deletes them.
                return Proof.FORGETTABLE
            if not memory.calls.holds(backoff.READ):
                with memory.calls.trying(backoff.READ):
                    await self._reporter.read(view.key, name)
            return Proof.OPEN
        if view.is_orphaned or not view.has_children:
            return Proof.FORGETTABLE
        if memory.is_owned:
            return Proof.GONE
        if memory.calls.holds(backoff.READ):
            return Proof.OPEN
        with memory.calls.trying(backoff.READ):
            memory.is_owned = await self._is_owned(view)
        if memory.is_owned:
            return Proof.GONE
        _log.info("left the Jobs and pods alone: they were orphaned", extra=view.key._asdict())
        return Proof.FORGETTABLE

    async def _is_owned(self, view: View) -> bool:
        """Return whether the Jobs still name the SimulationJob as their controller, or no Job exists any more."""
        for name in view.job_names[:_READ]:
            try:
                found = await self._cluster.get_job(view.key.namespace, name)
            except NotOursError:
                return False
            except NotFoundError:
                continue
            return found.fact.owner_uid == view.key.uid
        return True
