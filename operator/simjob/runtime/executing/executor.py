"""Carry out a plan's actions: delete pods first, then do the rest in parallel, the actions on one Job in order.

This module decides only what a response means: for a deletion, "not found" is success. Creations are in
runtime/executing/creation.py. Responses go to the store at once, so that the next pass sees them.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, assert_never

from simjob.api import names
from simjob.api.names import Reason
from simjob.api.schema import format_time
from simjob.api.simulationjob import SimulationJob
from simjob.core.attempts import timeouts
from simjob.core.facts import lastattempt
from simjob.core.facts.jobs import JobFact
from simjob.core.facts.pods import PodFact
from simjob.core.plan import (
    Action,
    CountAttempt,
    CreateCase,
    DeleteJob,
    DeletePod,
    DeleteSimulationJob,
    LimitRun,
    Notice,
    PrepareCases,
    StartAttempt,
    WriteJobStatus,
)
from simjob.runtime.client.budget import Budget, Kind
from simjob.runtime.client.errors import ClusterError, ConflictError, ForbiddenError, InvalidError, NotFoundError
from simjob.runtime.client.key import Key
from simjob.runtime.cluster.calls import Cluster
from simjob.runtime.executing import backoff
from simjob.runtime.executing.creation import Creation
from simjob.runtime.executing.crew import Call, Crew, Leaving
from simjob.runtime.executing.passoutcome import PassOutcome
from simjob.runtime.executing.patience import Patience
from simjob.runtime.executing.refuseddeadlines import Deadlines
from simjob.runtime.store.stopsigns import StopSigns
from simjob.runtime.store.store import Store
from simjob.runtime.tables.caselookup import CaseTables


class Executor:
    """Carry out actions on a cluster, within the request budget."""

    def __init__(self, cluster: Cluster, store: Store, budget: Budget) -> None:
        self._cluster = cluster
        self._store = store
        self._budget = budget
        self.tables = CaseTables(cluster)
        self._creation = Creation(cluster, store, self.tables, budget.creations)
        self._deadlines = Deadlines()
        self._patience = Patience(store.wake)
        self.settle, self.close = self._patience.settle, self._patience.close

    async def apply(
        self,
        key: Key,
        job: SimulationJob | None,
        actions: Sequence[Action],
        outcome: PassOutcome,
        planned: StopSigns | None = None,
    ) -> None:
        """Carry out the actions and record the results in `outcome`.

        `job` is needed only to create Jobs. `planned` are the stop signs that the plan knew, by default the current
        ones. When a new one arrives, start no more calls and set `outcome.overtaken`; the next pass plans the rest.

        Some calls may still run when this returns: creations, and after a stop sign all but deletions of pods.
        `settle` waits for them, and `close` cancels them.

        PrepareCases is skipped, because it takes longer than a pass may (runtime/tables/preparing.py).
        """
        knew = planned or self._store.view(key).signs

        def overtaken() -> bool:
            new = any(self._store.new_signs(key, knew))
            outcome.overtaken = outcome.overtaken or new
            return new

        def ended() -> bool:
            return self._store.new_signs(key, knew).for_all

        def guarded(call: Call) -> Call:
            return partial(self._guard, outcome, call)

        deletions = [action for action in actions if isinstance(action, DeletePod | DeleteSimulationJob)]
        first = {Kind.DELETION: [guarded(partial(self._one, key, action, outcome)) for action in deletions]}
        await Crew(self._budget, key, first, overtaken).work()
        calls: dict[Kind, list[Call]] = {kind: [] for kind in Kind}
        for kind, group in _by_job(actions):
            calls[kind].append(guarded(partial(self._in_order, key, group, outcome)))
        creations = [action for action in actions if isinstance(action, CreateCase)]
        if job and creations:
            make = partial(self._make, key, job, job.spec.template.to_api(as_given=True), outcome)
            calls[Kind.CREATION] += [guarded(partial(make, action)) for action in creations]
        await Crew(self._budget, key, calls, overtaken, Leaving(self._patience, ended)).work()

    async def _guard(self, outcome: PassOutcome, call: Callable[[], Awaitable[None]]) -> None:
        try:
            await call()
        except (NotFoundError, ConflictError):
            return  # Gone, or another object of that name. The watch reports it, and the next pass sees it.
        except ClusterError as trouble:
            outcome.trouble = outcome.trouble or trouble

    async def _in_order(self, key: Key, actions: Sequence[Action], outcome: PassOutcome) -> None:
        for action in actions:
            if isinstance(action, CountAttempt) and (pod := action.waiting):
                with outcome.noting(backoff.subject(action)):
                    still_waits = await self._still_waits(pod)
                if not still_waits:
                    return
        for action in actions:
            if isinstance(action, StartAttempt):
                with outcome.noting(backoff.CREATE):
                    await self._creation.start(key, action.job, outcome)
            else:
                await self._one(key, action, outcome)

    async def _still_waits(self, pod: PodFact) -> bool:
        """Read a pod that waited too long; return whether it still waits. The watch may be late or rejected."""
        try:
            found = await self._cluster.get_pod(pod.namespace, pod.name, pod.owner_uid)
        except NotFoundError:
            self._store.pod_missing(pod)
            return False
        self._store.put_pod(found)
        return timeouts.still_waits(pod, found)

    async def _make(
        self, key: Key, job: SimulationJob, template: Mapping[str, Any], outcome: PassOutcome, action: CreateCase
    ) -> None:
        with outcome.noting(backoff.CREATE):
            await self._creation.create(key, job, template, action, outcome)

    async def _one(self, key: Key, action: Action, outcome: PassOutcome) -> None:
        with outcome.noting(backoff.subject(action)):
            await self._carry_out(key, action, outcome)

    async def _carry_out(self, key: Key, action: Action, outcome: PassOutcome) -> None:
        match action:
            case DeletePod(pod=pod):
                fact = await self._budget.deletions.timed(self._cluster.delete_pod(pod.namespace, pod.name, pod.uid))
                if fact is not None:
                    self._store.put_pod(fact)
                else:
                    # The pod is gone, and the watch is late. The store checks it; meanwhile, events must not repeat
                    # the deletion.
                    self._store.pod_missing(pod)
                    outcome.failed.add(backoff.subject(action))
            case DeleteJob(job=job):
                await self._delete_job(key, job)
            case LimitRun():
                await self._limit(action, outcome)
            case DeleteSimulationJob():
                await self._delete_simulationjob(action)
            case WriteJobStatus(job=job, status=status):
                self._store.put_job(await self._cluster.write_job_status(job.namespace, job.name, job.uid, status))
            case CountAttempt(job=job):
                notes = _annotations(action)
                self._store.put_job(await self._cluster.annotate_job(job.namespace, job.name, job.uid, notes))
            case CreateCase() | StartAttempt() | PrepareCases():
                raise TypeError(f"{action} is not carried out here")
            case _:
                assert_never(action)

    async def _delete_simulationjob(self, action: DeleteSimulationJob) -> None:
        try:
            await self._cluster.delete_simulationjob(action.namespace, action.name, action.uid, action.resource_version)
        except ConflictError:
            # It has changed since it was seen, for example to a longer ttlSecondsAfterFinished.
            self._store.seen(await self._cluster.get_simulationjob(action.namespace, action.name))
            raise

    async def _limit(self, action: LimitRun, outcome: PassOutcome) -> None:
        """Lower a pod's activeDeadlineSeconds. If this is rejected, post one Event and let a few later passes retry."""
        pod = action.pod
        if not self._deadlines.may_try(pod.uid):
            outcome.look_again(self._deadlines.next_try(pod.uid))
            return
        try:
            self._store.put_pod(await self._cluster.limit_pod(pod.namespace, pod.name, pod.uid, action.seconds))
            self._deadlines.accepted(pod.uid)
        except (ForbiddenError, InvalidError) as refused:
            is_first = self._deadlines.refused(pod.uid)
            outcome.look_again(self._deadlines.next_try(pod.uid))
            if not is_first:
                return
            note = f"the API server rejects the deadline of pod {pod.name}, so {action.otherwise}: {refused.message}"
            outcome.notices += (Notice(reason=Reason.DEADLINE_REFUSED, action="Limit", note=note, warning=True),)

    async def _delete_job(self, key: Key, job: JobFact) -> None:
        for pod in self._store.ended_pods(key, job.uid):
            await self._cluster.delete_pod(pod.namespace, pod.name, pod.uid)
        await self._cluster.delete_job(job.namespace, job.name, job.uid)
        self._store.job_asked_to_go(job)


def _by_job(actions: Sequence[Action]) -> Iterator[tuple[Kind, Sequence[Action]]]:
    """Yield the actions on each existing Job, in their order, with the kind of place that they need."""
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
        elif all(isinstance(action, WriteJobStatus | DeleteJob) for action in group):
            yield Kind.HOUSEKEEPING, group
        else:
            yield Kind.PROGRESS, group


def _annotations(count: CountAttempt) -> dict[str, str | None]:
    return {
        names.ANNOTATION_ATTEMPT: str(count.attempt),
        names.ANNOTATION_FAILED: str(count.failed),
        names.ANNOTATION_LOST: str(count.lost),
        names.ANNOTATION_SECONDS: str(count.seconds),
        names.ANNOTATION_NOT_BEFORE: format_time(count.not_before) if count.not_before else None,
        names.ANNOTATION_DISRUPTIONS: str(count.disruptions) if count.disruptions else None,
        names.ANNOTATION_LAST_DISRUPTION: count.last_disruption or None,
        names.ANNOTATION_ERROR_CODE: count.error_code or None,
        names.ANNOTATION_ERROR_MESSAGE: count.error_message or None,
        names.ANNOTATION_LAST_ATTEMPT: lastattempt.write(count.last) if count.last else None,
    }
