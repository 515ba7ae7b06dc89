"""Takes a key, observes, plans, reports, applies, and comes back when there is reason to.

Status is written before the actions: what the latch, the ledger and the round say is stored before anything relies on
it. Plans rely on the stored status only, so a write that waits (at most one a second unless the phase changes) or
fails holds nothing up.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from simjob.api.simulationjob import Invalid, SimulationJob
from simjob.api.status import Status
from simjob.core import planner, stopping, transitions
from simjob.core.observed import Refusal
from simjob.core.plan import Action, CreateCase, Plan, StartAttempt
from simjob.runtime import mergepatch
from simjob.runtime.cluster import Cluster
from simjob.runtime.errors import ClusterError, ConflictError, NamespaceTerminatingError, NotFoundError
from simjob.runtime.events import Recorder
from simjob.runtime.executor import Executor, Outcome
from simjob.runtime.store import Store
from simjob.runtime.workqueue import Key, WorkQueue

_BETWEEN_WRITES: Final = timedelta(seconds=1)
_REFUSAL_DELAYS: Final = (1.0, 2.0, 4.0, 8.0, 10.0)
_CONFLICTS: Final = 3
# Seconds. A pass that is planned in less is not worth a pause; no pause may hold up a cancel for long.
_SHORT: Final = 0.002
_LONGEST_BREATH: Final = 0.1
_TERMINATING_DELAY: Final = 5.0

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Memory:
    """What this process knows of a job beside the cluster; losing it costs calls, never a case.

    `spent`: the cases whose Jobs of `round` were made or seen; None as long as another process may have made some.
    """

    round: int = -1
    spent: frozenset[int] | None = None
    refusal: Refusal | None = None
    refusals: int = 0
    refused_until: datetime | None = None
    wrote_at: datetime | None = None
    planning: float = 0.0


class Reconciler:
    """Brings one SimulationJob at a time a step nearer to what is asked for."""

    def __init__(self, cluster: Cluster, store: Store, queue: WorkQueue, clock: Callable[[], datetime]) -> None:
        self._cluster = cluster
        self._store = store
        self._queue = queue
        self._clock = clock
        self._executor = Executor(cluster, store)
        self._recorder = Recorder(cluster, clock)
        self._memories: dict[Key, _Memory] = {}

    async def work(self) -> None:
        """Reconciles key after key until it is cancelled."""
        while True:
            key = await self._queue.get()
            try:
                await self.reconcile(key)
                self._queue.forget(key)
                await self._breathe(key)
            except NotFoundError as missing:
                _log.info("looking again", extra=_about(key, why=missing.message))
                self._queue.add_after(key, 1.0)
            except NamespaceTerminatingError:
                self._queue.add_after(key, _TERMINATING_DELAY)
            except ClusterError as trouble:
                delay = self._queue.backoff(key)
                _log.warning("trying again", extra=_about(key, why=trouble.message, code=trouble.code, delay=delay))
            except Exception:
                delay = self._queue.backoff(key)
                _log.exception("a defect of the operator; trying again", extra=_about(key, delay=delay))
            finally:
                self._queue.done(key)

    async def _breathe(self, key: Key) -> None:
        """Lets events gather before the next pass over a large job, so that plans take a third of a core at most."""
        memory = self._memories.get(key)
        if memory and memory.planning > _SHORT:
            await asyncio.sleep(min(2 * memory.planning, _LONGEST_BREATH))

    async def reconcile(self, key: Key) -> None:
        """Makes one pass; raises ClusterError where the cluster did not let it."""
        job = self._store.get(key)
        if job is None:
            await self._remove(key)
            return
        memory = self._memories.get(key)
        if memory is None:
            await self._catch_up(key, job.status)
            memory = self._memories[key] = _Memory()
        for _ in range(_CONFLICTS):
            plan = self._plan(key, job, memory)
            if await self._report(key, job, plan, memory):
                break
            job = self._store.get(key)
            if job is None:
                return
        else:
            raise ConflictError("the status was changed by others time and again")
        stored = self._store.get(key)
        if stored is not None:
            await self._apply(key, stored, plan, memory)

    async def _catch_up(self, key: Key, status: Status | None) -> None:
        """Reads what another process may have made a moment ago, which the watches may not have brought yet."""
        if status is None or status.start_time is None:
            return
        for job in await self._cluster.list_jobs(key.namespace, key.uid):
            self._store.put_job(job)
        for pod in await self._cluster.list_pods(key.namespace, key.uid, live_only=False):
            self._store.put_pod(pod)

    def _plan(self, key: Key, job: SimulationJob | Invalid, memory: _Memory) -> Plan:
        status = job.status or Status()
        if status.start_time is None:
            memory.round, memory.spent = status.round, frozenset()
        elif memory.round != status.round:
            memory.round, memory.spent = status.round, None
        started = time.perf_counter()
        observed = self._store.observe(key, spent=memory.spent, refusal=memory.refusal)
        if memory.spent is not None:
            # A creation without an answer shows here, if it was one.
            seen = {case.index for case in observed.cases if case.job and case.job.round == status.round}
            if not seen <= memory.spent:
                memory.spent |= seen
        plan = planner.plan(job, observed, self._clock())
        memory.planning = time.perf_counter() - started
        return plan

    async def _report(self, key: Key, job: SimulationJob | Invalid, plan: Plan, memory: _Memory) -> bool:
        """Writes the plan's status if it differs and its time has come; False if the plan has been overtaken."""
        new, old = plan.status, job.status
        if new is None or old is None or new == old:
            return True
        now = self._clock()
        if memory.wrote_at and now - memory.wrote_at < _BETWEEN_WRITES and not _urgent(old, new):
            self._queue.add_after(key, (memory.wrote_at + _BETWEEN_WRITES - now).total_seconds())
            return True
        if plan.needs_proof and not await self._is_still(key):
            return False
        metadata = job.metadata
        try:
            version = await self._cluster.patch_simulationjob_status(
                metadata.namespace,
                metadata.name,
                metadata.resource_version,
                mergepatch.difference(old.to_api(as_given=True), new.to_api()),
            )
        except ConflictError:
            await self._read(key, metadata.name)
            return False
        self._store.wrote(key, new, version)
        memory.wrote_at = now
        if new.round != old.round:
            memory.round, memory.spent = new.round, frozenset()
        notices = (*plan.notices, *transitions.transitions(old, new))
        await self._recorder.record(metadata, notices)
        if old.phase is not new.phase:
            _log.info("phase", extra=_about(key, simulationjob=metadata.name, phase=new.phase, why=new.reason))
        return True

    async def _is_still(self, key: Key) -> bool:
        """Reads from the cluster, not from what was seen, whether nothing of the job is live."""
        live = await self._cluster.list_pods(key.namespace, key.uid, live_only=True)
        for pod in live:
            self._store.put_pod(pod)
        return not live

    async def _read(self, key: Key, name: str) -> None:
        """Takes in the SimulationJob as it is now."""
        try:
            raw = await self._cluster.get_simulationjob(key.namespace, name)
        except NotFoundError:
            raw = None
        if raw is None or raw["metadata"]["uid"] != key.uid:
            self._store.deleted({"metadata": {"namespace": key.namespace, "name": name, "uid": key.uid}})
        else:
            self._store.seen(raw)

    async def _apply(self, key: Key, job: SimulationJob | Invalid, plan: Plan, memory: _Memory) -> None:
        actions = _permitted(plan.actions, memory, self._clock())
        outcome = await self._executor.apply(key, job if isinstance(job, SimulationJob) else None, actions)
        if memory.spent is not None:
            memory.spent |= outcome.created
        if actions:
            _log.info("applied", extra=_about(key, simulationjob=job.metadata.name, **_tally(actions)))
        self._note_refusal(key, memory, outcome)
        if outcome.trouble:
            raise outcome.trouble
        if again := _look_again(plan, memory, self._clock()):
            self._queue.add_after(key, max((again - self._clock()).total_seconds(), 0.0))

    def _note_refusal(self, key: Key, memory: _Memory, outcome: Outcome) -> None:
        if outcome.refusal:
            delay = _REFUSAL_DELAYS[min(memory.refusals, len(_REFUSAL_DELAYS) - 1)]
            memory.refusals += 1
            memory.refused_until = self._clock() + timedelta(seconds=delay)
            self._queue.add_after(key, delay)
            if memory.refusal != outcome.refusal:
                memory.refusal = outcome.refusal
                self._queue.add(key)
        elif outcome.accepted and memory.refusal:
            memory.refusal, memory.refused_until, memory.refusals = None, None, 0
            self._queue.add(key)

    async def _remove(self, key: Key) -> None:
        """Removes the children of a SimulationJob that is gone; makes sure that it is."""
        if not self._store.is_gone(key):
            if name := self._store.owner_name(key):
                await self._read(key, name)
            else:
                # Pods without a Job that tells their owner's name: the garbage collector's.
                self._store.drop(key)
            return
        self._memories.pop(key, None)
        if self._store.is_orphaned(key) or not self._store.has_children(key):
            self._store.drop(key)
            return
        plan = stopping.remove_all(self._store.observe(key, spent=None, refusal=None))
        outcome = await self._executor.apply(key, None, plan.actions)
        if plan.actions:
            _log.info("removed", extra=_about(key, **_tally(plan.actions)))
        if outcome.trouble:
            raise outcome.trouble


def _urgent(old: Status, new: Status) -> bool:
    """Returns whether a status must be written at once: whatever is more than counts and a sentence."""
    before = (old.phase, old.reason, old.round, old.observed_generation, old.start_time)
    after = (new.phase, new.reason, new.round, new.observed_generation, new.start_time)
    return before != after or (old.cancellation is None) != (new.cancellation is None)


def _permitted(actions: tuple[Action, ...], memory: _Memory, now: datetime) -> tuple[Action, ...]:
    """Leaves out creations while the API server refuses them, but for one that tries again when its time has come."""
    if memory.refusal is None:
        return actions
    creations = [action for action in actions if isinstance(action, CreateCase | StartAttempt)]
    others = tuple(action for action in actions if not isinstance(action, CreateCase | StartAttempt))
    waits = memory.refused_until is not None and now < memory.refused_until
    return others if waits else (*others, *creations[:1])


def _look_again(plan: Plan, memory: _Memory, now: datetime) -> datetime | None:
    """Returns when to plan anew: not at once for what is refused now, and not later than it may be tried again."""
    until = memory.refused_until
    if until is None or until <= now:
        return plan.look_again
    return min(plan.look_again, until) if plan.look_again and plan.look_again > now else until


def _tally(actions: tuple[Action, ...]) -> dict[str, int]:
    found: dict[str, int] = {}
    for action in actions:
        name = type(action).__name__
        found[name] = found.get(name, 0) + 1
    return found


def _about(key: Key, **more: Any) -> dict[str, Any]:
    return {"namespace": key.namespace, "uid": key.uid, **more}


async def run(reconciler: Reconciler, workers: int) -> None:
    """Runs so many workers until it is cancelled."""
    async with asyncio.TaskGroup() as group:
        for _ in range(workers):
            group.create_task(reconciler.work())
