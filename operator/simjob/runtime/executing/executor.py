"""Carry out the actions of a plan: delete pods first, then the rest in parallel. Actions on one Job keep their order.

runtime/executing/actioncalls.py makes the calls, and runtime/executing/creation.py those that create.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from simjob.api.simulationjob import SimulationJob
from simjob.core.plan import (
    Action,
    CountAttempt,
    CreateCase,
    DeleteJob,
    DeletePod,
    DeleteSimulationJob,
    LimitRun,
    PrepareCases,
    StartAttempt,
    WriteJobStatus,
)
from simjob.runtime.client.errors import ClusterError, ConflictError, NotFoundError
from simjob.runtime.client.key import Key
from simjob.runtime.client.requestbudget import Budget, Kind
from simjob.runtime.cluster.calls import Cluster
from simjob.runtime.executing import backoff
from simjob.runtime.executing.actioncalls import ActionCalls
from simjob.runtime.executing.creation import Creation
from simjob.runtime.executing.crew import Call, Crew, Leaving
from simjob.runtime.executing.passoutcome import PassOutcome
from simjob.runtime.executing.unawaitedcalls import UnawaitedCalls
from simjob.runtime.store.stopsigns import StopSigns
from simjob.runtime.store.store import Store
from simjob.runtime.tables.caselookup import CaseTables


@dataclass(frozen=True, slots=True)
class _Signs:
    """Compare the stop signs that a plan knew with the current ones."""

    store: Store
    key: Key
    known: StopSigns
    outcome: PassOutcome

    def overtake(self) -> bool:
        """Return whether there is a new stop sign, and note it in the outcome."""
        new = any(self.store.new_signs(self.key, self.known))
        self.outcome.overtaken = self.outcome.overtaken or new
        return new

    def end(self) -> bool:
        """Return whether a new stop sign stops all cases."""
        return self.store.new_signs(self.key, self.known).for_all


class Executor:
    """Carry out actions on a cluster, within the request budget."""

    def __init__(self, cluster: Cluster, store: Store, budget: Budget) -> None:
        self._store = store
        self._budget = budget
        self.tables = CaseTables(cluster)
        self._creation = Creation(cluster, store, self.tables, budget.creations)
        self._calls = ActionCalls(cluster, store, budget.deletions)
        self._unawaited = UnawaitedCalls(store.wake)
        self.settle, self.close = self._unawaited.settle, self._unawaited.close

    async def apply(
        self,
        key: Key,
        job: SimulationJob | None,
        actions: Sequence[Action],
        outcome: PassOutcome,
        planned: StopSigns | None = None,
    ) -> None:
        """Carry out the actions and record the results in `outcome`.

        Only the creation of Jobs needs `job`. `planned` are the stop signs that the plan knew, by default the current
        ones. When a new one arrives, start no more calls and set `outcome.overtaken`: the next pass plans the rest.

        Some calls may still run when this returns: creations, and after a stop sign all calls but deletions of pods.
        `settle` waits for them, and `close` cancels them.

        Skip PrepareCases, which takes too long for a pass (runtime/tables/preparing.py).
        """
        signs = _Signs(self._store, key, planned or self._store.new_signs(key, StopSigns()), outcome)

        def guarded(call: Call) -> Call:
            return partial(self._guard, outcome, call)

        deletions = [action for action in actions if isinstance(action, DeletePod | DeleteSimulationJob)]
        first = {Kind.DELETION: [guarded(partial(self._one, key, action, outcome)) for action in deletions]}
        await Crew(self._budget, key, first, signs.overtake).work()
        calls: dict[Kind, list[Call]] = {kind: [] for kind in Kind}
        for kind, group in _by_job(actions):
            calls[kind].append(guarded(partial(self._in_order, key, group, outcome)))
        creations = [action for action in actions if isinstance(action, CreateCase)]
        if job and creations:
            make = partial(self._make, key, job, job.spec.template.to_api(as_given=True), outcome)
            calls[Kind.CREATION] += [guarded(partial(make, action)) for action in creations]
        await Crew(self._budget, key, calls, signs.overtake, Leaving(self._unawaited, signs.end)).work()

    async def _guard(self, outcome: PassOutcome, call: Callable[[], Awaitable[None]]) -> None:
        try:
            await call()
        except (NotFoundError, ConflictError):
            return  # The object is gone or was replaced. The watch reports that, and the next pass sees it.
        except ClusterError as trouble:
            outcome.trouble = outcome.trouble or trouble

    async def _in_order(self, key: Key, actions: Sequence[Action], outcome: PassOutcome) -> None:
        for action in actions:
            if isinstance(action, CountAttempt) and (pod := action.waiting):
                with outcome.noting(backoff.subject(action)):
                    still_waits = await self._calls.still_waits(pod)
                if not still_waits:
                    return
        for action in actions:
            if isinstance(action, StartAttempt):
                with outcome.noting(backoff.CREATE):
                    await self._creation.start(key, action.job, outcome)
            else:
                await self._one(key, action, outcome)

    async def _make(
        self, key: Key, job: SimulationJob, template: Mapping[str, Any], outcome: PassOutcome, action: CreateCase
    ) -> None:
        with outcome.noting(backoff.CREATE):
            await self._creation.create(key, job, template, action, outcome)

    async def _one(self, key: Key, action: Action, outcome: PassOutcome) -> None:
        with outcome.noting(backoff.subject(action)):
            await self._calls.carry_out(key, action, outcome)


def _by_job(actions: Sequence[Action]) -> Iterator[tuple[Kind, Sequence[Action]]]:
    """Yield the actions on each existing Job, in their order, and the kind of request for the budget."""
    groups: dict[str, list[Action]] = {}
    for action in actions:
        match action:
            case DeletePod() | PrepareCases() | DeleteSimulationJob() | CreateCase():
                continue
            case LimitRun():
                groups.setdefault(action.pod.job_uid, []).append(action)
            case _:
                groups.setdefault(action.job.uid, []).append(action)
    for group in groups.values():
        if any(isinstance(action, StartAttempt) for action in group):
            yield Kind.CREATION, group
        elif all(_can_wait(action) for action in group):
            yield Kind.HOUSEKEEPING, group
        else:
            yield Kind.PROGRESS, group


def _can_wait(action: Action) -> bool:
    """Return whether nobody waits for the action. A queue waits for the status of its Jobs."""
    return isinstance(action, DeleteJob) or (isinstance(action, WriteJobStatus) and not action.job.queued)
