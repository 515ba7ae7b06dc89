"""Carries out a plan's actions: pods are deleted first, then the rest in parallel, one Job's actions in their order.

Nothing is decided here but what an answer means: "already there" with our uid is success, "gone" is success for a
deletion, a refusal is remembered for the planner. Answers go to the store at once, so that the next pass has them.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, TypeVar, assert_never

from simjob.api import names
from simjob.api.cases import Case
from simjob.api.names import Reason
from simjob.api.schema import format_time
from simjob.api.simulationjob import SimulationJob
from simjob.core import children
from simjob.core.casetable import DamagedTableError
from simjob.core.facts import JobFact
from simjob.core.observed import CASE_TABLE, Refusal
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
from simjob.runtime.casetables import CaseTables
from simjob.runtime.cluster import Cluster, StoredJob
from simjob.runtime.errors import (
    AlreadyExistsError,
    ClusterError,
    ConflictError,
    ForbiddenError,
    InvalidError,
    NamespaceTerminatingError,
    NotFoundError,
)
from simjob.runtime.limiter import Limiter
from simjob.runtime.store import StopSigns, Store
from simjob.runtime.workqueue import Key

T = TypeVar("T")

# Of one SimulationJob; runtime/connection.py bounds the requests of all.
_AT_ONCE: Final = 96
# Pods whose deadline was refused; each is told of once.
_REMEMBERED: Final = 10_000


@dataclass(slots=True)
class Outcome:
    """What came of the actions.

    `created`: cases whose Job is there. `accepted`: a creation was taken. `trouble`: the first call that did not get
    through; what it was to make may be there all the same, and asking for the same name again is then success.
    `notices`: what is worth an Event. `overtaken`: not all was begun, since everything is to stop.
    """

    created: set[int] = field(default_factory=set)
    refusal: Refusal | None = None
    trouble: ClusterError | None = None
    accepted: bool = False
    notices: tuple[Notice, ...] = ()
    overtaken: bool = False


class Executor:
    """Carries out actions on a cluster."""

    def __init__(self, cluster: Cluster, store: Store, creations: Limiter) -> None:
        self._cluster = cluster
        self._store = store
        self._creations = creations
        self.tables = CaseTables(cluster)
        self._unlimited: OrderedDict[str, None] = OrderedDict()

    async def apply(
        self,
        key: Key,
        job: SimulationJob | None,
        actions: Sequence[Action],
        outcome: Outcome,
        planned: StopSigns | None = None,
    ) -> None:
        """Carries out the actions and notes in `outcome` what came of them; no call is left when it ends.

        PrepareCases is left out: it takes longer than a pass may (runtime/preparing.py).
        `job` is needed only where Jobs are to be made. `planned`: the stop signs that the plan knew, by default those
        of now. A new one ends it: what has not begun is left to the next pass, and `outcome` says so.
        """
        knew = planned or self._store.stop_signs(key)

        def overtaken() -> bool:
            new = any(now and not then for now, then in zip(self._store.stop_signs(key), knew, strict=True))
            outcome.overtaken = outcome.overtaken or new
            return new

        deletions = [action for action in actions if isinstance(action, DeletePod | DeleteSimulationJob)]
        await self._together(outcome, [partial(self._one, key, action, outcome) for action in deletions], overtaken)
        by_job: dict[str, list[Action]] = {}
        creations: list[CreateCase] = []
        for action in actions:
            match action:
                case DeletePod() | PrepareCases() | DeleteSimulationJob():
                    continue
                case CreateCase():
                    creations.append(action)
                case LimitRun():
                    by_job.setdefault(action.pod.job_uid, []).append(action)
                case _:
                    by_job.setdefault(action.job.uid, []).append(action)
        template = job.spec.template.to_api(as_given=True) if job and creations else {}
        sequences = [partial(self._in_order, key, group, outcome) for group in by_job.values()]
        makings = [partial(self._create, key, job, template, one, outcome) for one in creations] if job else []
        # Creations have places of their own, those of all SimulationJobs together.
        await self._together(outcome, sequences, overtaken, makings)

    async def _together(
        self,
        outcome: Outcome,
        calls: Sequence[Callable[[], Awaitable[None]]],
        overtaken: Callable[[], bool],
        creations: Sequence[Callable[[], Awaitable[None]]] = (),
    ) -> None:
        places = asyncio.Semaphore(_AT_ONCE)

        async def run(
            call: Callable[[], Awaitable[None]], place: Callable[[], AbstractAsyncContextManager[None]]
        ) -> None:
            async with place():
                # Asked when its turn has come, not before: no creation is sent after a cancel was seen.
                if not overtaken():
                    await self._guard(outcome, call)

        started = [run(call, lambda: places) for call in calls]
        started += [run(call, self._creations.place) for call in creations]
        ends = await asyncio.gather(*started, return_exceptions=True)
        for end in ends:
            if isinstance(end, BaseException):
                raise end

    async def _guard(self, outcome: Outcome, call: Callable[[], Awaitable[None]]) -> None:
        try:
            await call()
        except (NotFoundError, ConflictError):
            return  # Gone, or another of that name: the watch tells, the next pass sees.
        except ClusterError as trouble:
            outcome.trouble = outcome.trouble or trouble

    async def _in_order(self, key: Key, actions: Sequence[Action], outcome: Outcome) -> None:
        for action in actions:
            if isinstance(action, StartAttempt):
                await self._start(key, action.job, outcome)
            else:
                await self._one(key, action, outcome)

    async def _one(self, key: Key, action: Action, outcome: Outcome) -> None:
        match action:
            case DeletePod(pod=pod):
                fact = await self._cluster.delete_pod(pod.namespace, pod.name, pod.uid)
                if fact is not None:
                    self._store.put_pod(fact)
            case DeleteJob(job=job):
                await self._delete_job(key, job)
            case LimitRun():
                await self._limit(action, outcome)
            case DeleteSimulationJob(namespace=namespace, name=name, uid=uid, resource_version=version):
                await self._cluster.delete_simulationjob(namespace, name, uid, version)
            case WriteJobStatus(job=job, status=status):
                self._store.put_job(await self._cluster.write_job_status(job.namespace, job.name, job.uid, status))
            case CountAttempt(job=job):
                notes = _annotations(action)
                self._store.put_job(await self._cluster.annotate_job(job.namespace, job.name, job.uid, notes))
            case CreateCase() | StartAttempt() | PrepareCases():
                raise TypeError(f"{action} is not carried out here")
            case _:
                assert_never(action)

    async def _limit(self, action: LimitRun, outcome: Outcome) -> None:
        """Draws in a pod's deadline. Where a policy does not let it, the wide one that the pod was made with holds."""
        pod = action.pod
        if pod.uid in self._unlimited:
            return
        try:
            self._store.put_pod(await self._cluster.limit_pod(pod.namespace, pod.name, pod.uid, action.seconds))
        except (ForbiddenError, InvalidError) as refused:
            self._unlimited[pod.uid] = None
            if len(self._unlimited) > _REMEMBERED:
                self._unlimited.popitem(last=False)
            note = (
                f"case {pod.index} may run longer than `runSeconds`: its pod's deadline is refused: {refused.message}"
            )
            outcome.notices += (Notice(reason=Reason.DEADLINE_REFUSED, action="Limit", note=note, warning=True),)

    async def _delete_job(self, key: Key, job: JobFact) -> None:
        for pod in self._store.ended_pods(key, job.uid):
            await self._cluster.delete_pod(pod.namespace, pod.name, pod.uid)
        await self._cluster.delete_job(job.namespace, job.name, job.uid)
        self._store.job_asked_to_go(job)

    async def _create(
        self, key: Key, job: SimulationJob, template: Mapping[str, Any], action: CreateCase, outcome: Outcome
    ) -> None:
        if outcome.refusal:
            return
        case = await self._read(job, action.index, outcome)
        if case is None or self._store.must_not_create(key):
            return
        body = children.render_job(job, template, case, action.round)
        name = children.job_name(job.metadata.name, job.metadata.uid, action.index, action.round)
        stored = await self._refusable(
            outcome, "Job", action.index, case.name, lambda: self._create_or_get(key, name, body, action.index)
        )
        if stored is None:
            return
        outcome.created.add(action.index)
        self._store.put_job(stored.fact)
        if stored.fact.suspended or stored.fact.succeeded is not None:
            outcome.accepted = True
        else:
            await self._create_pod(key, stored, outcome)

    async def _read(self, job: SimulationJob, index: int, outcome: Outcome) -> Case | None:
        try:
            return await self.tables.case(job, index)
        except DamagedTableError as damaged:
            outcome.refusal = Refusal(index=index, kind=CASE_TABLE, message=str(damaged))
            return None

    async def _create_or_get(self, key: Key, name: str, body: bytes, index: int) -> StoredJob:
        try:
            return await self._creations.timed(self._cluster.create_job(key.namespace, body))
        except AlreadyExistsError as conflict:
            stored = await _ours(self._cluster.get_job(key.namespace, name))
            if stored is None or stored.fact.owner_uid != key.uid or stored.fact.index != index:
                raise ForbiddenError(f'a Job named "{name}" is there already and is not ours') from conflict
            return stored

    async def _start(self, key: Key, job: JobFact, outcome: Outcome) -> None:
        """Makes the pod of a Job's current attempt, from the Job as it is now."""
        if outcome.refusal or self._store.must_not_create(key):
            return
        stored = await self._cluster.get_job(job.namespace, job.name)
        self._store.put_job(stored.fact)
        fact = stored.fact
        waits = fact.suspended or fact.terminating or fact.succeeded is not None
        if fact.uid == job.uid and fact.attempt == job.attempt and not waits:
            await self._create_pod(key, stored, outcome)

    async def _create_pod(self, key: Key, stored: StoredJob, outcome: Outcome) -> None:
        if self._store.must_not_create(key):
            return
        fact = stored.fact
        name, body = children.pod_name(fact.name, fact.attempt), children.render_pod(fact, stored.template)

        async def create() -> None:
            try:
                pod = await self._creations.timed(self._cluster.create_pod(fact.namespace, body))
            except AlreadyExistsError as conflict:
                found = await _ours(self._cluster.get_pod(fact.namespace, name))
                if found is None or found.job_uid != fact.uid:
                    raise ForbiddenError(f'a pod named "{name}" is there already and is not ours') from conflict
                pod = found
            self._store.put_pod(pod)
            outcome.accepted = True

        await self._refusable(outcome, "Pod", fact.index, fact.case_name, create)

    async def _refusable(
        self, outcome: Outcome, kind: str, index: int, name: str, call: Callable[[], Awaitable[T]]
    ) -> T | None:
        try:
            return await call()
        except NamespaceTerminatingError:
            raise
        except (InvalidError, ForbiddenError) as refused:
            outcome.refusal = Refusal(
                index=index,
                case_name=name,
                kind=kind,
                message=refused.message,
                permanent=isinstance(refused, InvalidError),
            )
        return None


async def _ours(call: Awaitable[T]) -> T | None:
    """Returns what is read, None if it is not there or not ours."""
    try:
        return await call
    except NotFoundError:
        return None


def _annotations(count: CountAttempt) -> dict[str, str | None]:
    return {
        names.ANNOTATION_ATTEMPT: str(count.attempt),
        names.ANNOTATION_FAILED: str(count.failed),
        names.ANNOTATION_LOST: str(count.lost),
        names.ANNOTATION_SECONDS: str(count.seconds),
        names.ANNOTATION_NOT_BEFORE: format_time(count.not_before) if count.not_before else None,
        names.ANNOTATION_ERROR_CODE: count.error_code or None,
        names.ANNOTATION_ERROR_MESSAGE: count.error_message or None,
    }
