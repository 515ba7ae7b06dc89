"""Reconcile SimulationJobs: observe, plan, write the status, carry out the actions, and requeue the key.

The status is written before the actions, so that the latch of a cancel, the outcomes of cases and `restarts` are stored
before anything depends on them. Plans use only the stored status. So actions may run while an ordinary status write
waits: one per second, unless the phase changes. If a write fails, the pass creates nothing, and only stops or deletes
what the plan says. A failed call has its own backoff (runtime/executing/backoff.py), which other events do not shorten.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from simjob.api.simulationjob import Invalid, SimulationJob
from simjob.core import planner
from simjob.core.plan import DeleteJob, DeletePod, LimitRun, Plan, PrepareCases, tally
from simjob.runtime.client.errors import ClusterError, NamespaceTerminatingError
from simjob.runtime.client.key import Key
from simjob.runtime.client.requestbudget import Budget
from simjob.runtime.cluster.calls import Cluster
from simjob.runtime.cluster.events import Recorder
from simjob.runtime.executing import backoff, unawaitedcalls
from simjob.runtime.executing.backoff import Backoffs
from simjob.runtime.executing.creationgate import Gate
from simjob.runtime.executing.executor import Executor
from simjob.runtime.executing.passoutcome import PassOutcome
from simjob.runtime.process.settings import REFUSAL_SECONDS
from simjob.runtime.reconciling.catchingup import CatchingUp
from simjob.runtime.reconciling.jobmemory import REFUSED, Memory
from simjob.runtime.reconciling.lostlabels import Lookup
from simjob.runtime.reconciling.planning import Planning
from simjob.runtime.reconciling.removal import Proof, Removal
from simjob.runtime.reconciling.reporter import Report, Reporter
from simjob.runtime.reconciling.resultstore import ResultStore
from simjob.runtime.reconciling.stopwithoutplan import StopWithoutPlan
from simjob.runtime.store.stopsigns import StopSigns
from simjob.runtime.store.store import Store
from simjob.runtime.store.view import View
from simjob.runtime.store.workqueue import WorkQueue
from simjob.runtime.tables.adoption import Adoption
from simjob.runtime.tables.preparing import Answer, Preparing
from simjob.runtime.watching.waitingreasons import WaitingReasons

_TRIES: Final = 5

_log = logging.getLogger(__name__)


class Reconciler:
    """Make passes: one for each key that the queue returns."""

    def __init__(
        self,
        cluster: Cluster,
        store: Store,
        queue: WorkQueue,
        clock: Callable[[], datetime],
        budget: Budget,
        *,
        refusal_seconds: float = REFUSAL_SECONDS,
        stopwatch: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._cluster = cluster
        self._store = store
        self._queue = queue
        self._clock = clock
        self._budget = budget
        self._refusal_seconds = refusal_seconds
        self._executor = Executor(cluster, store, budget)
        self.recorder = Recorder(cluster, clock)
        self._lookup = Lookup(cluster, store, queue, budget, clock)
        self._catching_up = CatchingUp(cluster, store, self._lookup, self.recorder)
        results = ResultStore(cluster, self._executor.tables)
        self._reporter = Reporter(cluster, store, queue, results, self.recorder, self._lookup)
        self._removal = Removal(cluster, self._reporter)
        self._without_plan = StopWithoutPlan(store, self.recorder, clock, self._report, self._apply)
        self.preparing = Preparing(cluster, queue, clock)
        self._reasons = WaitingReasons(cluster, queue)
        self._planning = Planning(self.preparing, self._reasons, clock, stopwatch)
        self.adoption = Adoption(cluster, self.recorder)
        self._memories: dict[Key, Memory] = {}

    async def work(self, *, urgent_only: bool = False) -> None:
        """Reconcile one key after another, until the task is cancelled."""
        while True:
            key = await self._queue.get(urgent_only=urgent_only)
            try:
                memory = self._memory(key)
                await self._pass(key, memory)
                if memory.pause:
                    await asyncio.sleep(memory.pause)
            finally:
                self._queue.done(key)

    async def _pass(self, key: Key, memory: Memory) -> None:
        """Make one pass. Log errors instead of raising them, and requeue the key for the end of the next backoff."""
        calls = memory.calls
        if not calls.holds(backoff.DEFECT):
            try:
                await self.reconcile(key)
                calls.worked(backoff.DEFECT)
            except NamespaceTerminatingError:
                pass  # The namespace deletes the SimulationJob too, so there is nothing to warn about.
            except ClusterError as trouble:
                about = {"why": trouble.message, "code": trouble.code, "delay": calls.until_next()}
                _log.warning("a call failed; trying again", extra=_about(key, **about))
            except Exception as defect:
                calls.failed(backoff.DEFECT)
                _log.exception("a bug in the operator; trying again", extra=_about(key, delay=calls.until_next()))
                self._without_plan.report_defect(key, memory, defect)
        if calls.holds(backoff.DEFECT):
            await self._without_plan.stop_despite_defect(key, memory)
        if (wait := calls.end_pass()) is not None:
            self._queue.add_after(key, wait)
        elif (job := self._store.get(key)) and job.status and job.status.is_over:
            # A finished job needs no memory, and may be kept for years.
            self._memories.pop(key, None)

    def _memory(self, key: Key) -> Memory:
        if key not in self._memories:
            self._memories[key] = Memory(Backoffs(self._queue.delay), Gate(self._refusal_seconds))
        return self._memories[key]

    async def reconcile(self, key: Key) -> None:
        """Make one pass. Raise ClusterError if a call fails; that call then backs off."""
        view, memory = self._store.view(key), self._memory(key)
        begins = memory.begins_to_stop(view.signs.for_all) and view.unasked
        with self._budget.first_deletion(key) if begins else contextlib.nullcontext():
            await self._reconcile(view, memory)

    async def _reconcile(self, view: View, memory: Memory) -> None:
        key = view.key
        if view.job is None:
            await self._remove(view, memory)
            return
        if not await self._read(key, view.job, memory):
            return
        for _ in range(_TRIES):
            await self._planning.turn(view)
            # Take a new view: what was read or written since is not in the old one.
            view, prepared = self._store.view(key), self.preparing.answer(key)
            if view.job is None:
                return
            plan = self._planning.plan(view, view.job, memory)
            if plan.needs_proof or plan.stopped:
                await self._executor.settle(key)
            if await self._carry_out(view, view.job, plan, memory, prepared):
                return
        self._store.wake(key)

    async def _carry_out(
        self, view: View, job: SimulationJob | Invalid, plan: Plan, memory: Memory, prepared: Answer | None
    ) -> bool:
        """Write the status of the plan, then carry out its actions. Return whether the pass is complete."""
        key, signs = view.key, view.signs
        try:
            report = await self._report(key, job, plan, memory, signs)
        except ClusterError:
            await self._apply(key, job, _without_status(plan, memory), memory, signs)
            raise
        if report is Report.HELD:
            await self._apply(key, job, _without_status(plan, memory), memory, signs)
            return True
        stored = self._store.get(key)
        if stored is None:
            return True
        if report is Report.OVERTAKEN:
            return False
        self.recorder.note(stored.metadata, plan.notices)
        if plan.stores_only(self._clock()):
            return False
        self._prepare(key, stored, plan, memory, prepared)
        self._reasons.ask(key, plan)
        await self._apply(key, stored, plan, memory, signs)
        return True

    async def _report(
        self, key: Key, job: SimulationJob | Invalid, plan: Plan, memory: Memory, signs: StopSigns
    ) -> Report:
        """Write the status. If that latches a cancel and takes more than two seconds, stop the pods meanwhile."""

        async def stop() -> None:
            # The memory records a failed call, and the next pass plans it again.
            with contextlib.suppress(ClusterError):
                await self._apply(key, job, Plan(actions=plan.unlatched), memory, signs)

        writing = self._reporter.report(key, job, plan, memory)
        report = await unawaitedcalls.stored(
            writing, lambda: any(self._store.new_signs(key, signs)), stop if plan.unlatched else None
        )
        return report or Report.OVERTAKEN

    async def _read(self, key: Key, job: SimulationJob | Invalid, memory: Memory) -> bool:
        """Read what the next plan needs. Return whether a plan can be made."""
        if not self._catching_up.is_done(job, memory) and not await self._catch_up(key, job, memory):
            return False
        await self._catching_up.look_again(key, job, memory)
        self.adoption.look(key, job)
        await self._lookup.look_up(key)
        return True

    async def _catch_up(self, key: Key, job: SimulationJob | Invalid, memory: Memory) -> bool:
        """Catch up, and return whether that is complete. If it is not, and all cases must stop, stop the known pods."""
        try:
            await self._catching_up.catch_up(key, job, memory)
        finally:
            if not (is_done := self._catching_up.is_done(job, memory)):
                await self._without_plan.stop(key, memory)
        return is_done

    async def _apply(
        self, key: Key, job: SimulationJob | Invalid | None, plan: Plan, memory: Memory, signs: StopSigns
    ) -> None:
        actions = memory.permitted(tuple(action for action in plan.actions if not isinstance(action, PrepareCases)))
        outcome, before = PassOutcome(gate=memory.gate), memory.gate.refusal
        try:
            await self._executor.apply(key, job if isinstance(job, SimulationJob) else None, actions, outcome, signs)
        finally:
            if memory.spent is not None:
                memory.spent |= memory.gate.take_created()
        if actions:
            done = "overtaken" if outcome.overtaken else "applied" if job else "removed children"
            name = {"simulationjob": job.metadata.name} if job else {}
            _log.info(done, extra=_about(key, **name, **tally(actions)))
        if job:
            self.recorder.note(job.metadata, outcome.notices)
        memory.note_calls(actions, outcome)
        memory.note_room(actions, outcome, self._clock())
        if (now := memory.gate.refusal) != before:
            self._store.wake(key)
            if now:
                _log.warning("cannot create cases", extra=_about(key, case=now.index, kind=now.kind, why=now.message))
        if outcome.trouble:
            raise outcome.trouble
        if (wait := memory.until_look(plan, self._clock())) is not None:
            self._queue.add_after(key, wait)

    def close(self) -> None:
        """Cancel everything that runs in the background."""
        self.preparing.close()
        self._reasons.close()
        self.adoption.close()
        self._catching_up.close()
        self._executor.close()

    def _prepare(
        self, key: Key, job: SimulationJob | Invalid, plan: Plan, memory: Memory, known: Answer | None
    ) -> None:
        """Store the cases in the background while the plan asks for it. Raise the ClusterError of the last try."""
        if not isinstance(job, SimulationJob) or PrepareCases() not in plan.actions:
            self.preparing.stop(key)
        elif not memory.calls.holds(backoff.PREPARE):
            try:
                self.preparing.begin(key, job, known)
            except ClusterError:
                memory.calls.failed(backoff.PREPARE)
                raise

    async def _remove(self, view: View, memory: Memory) -> None:
        """Delete the children of a SimulationJob that is gone, after proof that it is."""
        key = view.key
        self._reporter.forget(key)
        self.preparing.forget(key)
        self._reasons.forget(key)
        self.adoption.forget(key)
        match await self._removal.proven(view, memory):
            case Proof.FORGETTABLE:
                self._store.drop(key)
                self._memories.pop(key, None)
            case Proof.GONE:
                now = self._clock()
                memory.removing_since = memory.removing_since or now
                # A child may have been deleted during the proof, so take a new view.
                seen = self._store.view(key)
                plan = planner.plan_removal(seen.observed(), now, memory.removing_since)
                memory.looked(waits=bool(seen.live.number) and not plan.actions)
                await self._apply(key, None, plan, memory, seen.signs)
            case Proof.OPEN:
                pass


def _without_status(plan: Plan, memory: Memory) -> Plan:
    """Return the part of the plan that may run although the status is not stored: what stops or deletes something.

    The result has no time for the next look, because the backoff of the failed write sets it.
    """
    stops = tuple(action for action in plan.actions if isinstance(action, DeletePod | DeleteJob | LimitRun))
    is_refused = memory.latch_failures >= REFUSED
    return Plan(actions=(*stops, *(plan.unlatched if is_refused else ())))


def _about(key: Key, **more: Any) -> dict[str, Any]:
    return {**key._asdict(), **more}
