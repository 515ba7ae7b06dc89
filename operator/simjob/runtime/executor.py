"""Carries out a plan's actions: pods are deleted first, then the rest in parallel, one Job's actions in their order.

Nothing is decided here but what an answer means: "gone" is success for a deletion. Creations: runtime/creation.py.
Answers go to the store at once, so that the next pass has them.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import partial
from typing import Final, assert_never

from simjob.api import names
from simjob.api.names import Reason
from simjob.api.schema import format_time
from simjob.api.simulationjob import SimulationJob
from simjob.core.facts import JobFact
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
from simjob.runtime.cluster import Cluster
from simjob.runtime.creation import Creation
from simjob.runtime.errors import (
    ClusterError,
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
)
from simjob.runtime.limiter import Limiter
from simjob.runtime.outcome import Outcome
from simjob.runtime.store import StopSigns, Store
from simjob.runtime.workqueue import Key

# Of one SimulationJob; runtime/connection.py bounds the requests of all.
_AT_ONCE: Final = 128
# What only tells or removes Jobs: a pod that is to start or to stop does not wait for it, nor stand behind it. A
# cancel waits until the calls that are under way have been answered.
_JOBS_AT_ONCE: Final = 16
# Pods whose deadline was refused; each is told of once.
_REMEMBERED: Final = 10_000


@dataclass(frozen=True, slots=True)
class _Call:
    """Something to be done in a place that is waited for."""

    do: Callable[[], Awaitable[None]]
    place: AbstractAsyncContextManager[None]


class Executor:
    """Carries out actions on a cluster."""

    def __init__(self, cluster: Cluster, store: Store, creations: Limiter) -> None:
        self._cluster = cluster
        self._store = store
        # Places of the creations of all SimulationJobs together.
        self._creations = creations
        self.tables = CaseTables(cluster)
        self._creation = Creation(cluster, store, self.tables, creations)
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
        places = asyncio.Semaphore(_AT_ONCE)
        calls = [_Call(partial(self._one, key, action, outcome), places) for action in deletions]
        await self._together(outcome, calls, overtaken)
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
        few, many = asyncio.Semaphore(_JOBS_AT_ONCE), asyncio.Semaphore(_AT_ONCE)

        def place(group: Sequence[Action]) -> AbstractAsyncContextManager[None]:
            if any(isinstance(action, StartAttempt) for action in group):
                return self._creations.place()
            return few if _only_jobs(group) else many

        calls = [_Call(partial(self._in_order, key, group, outcome), place(group)) for group in by_job.values()]
        if job:
            make = partial(self._creation.create, key, job, template)
            calls += [_Call(partial(make, one, outcome), self._creations.place()) for one in creations]
        await self._together(outcome, calls, overtaken)

    async def _together(self, outcome: Outcome, calls: Sequence[_Call], overtaken: Callable[[], bool]) -> None:
        async def run(call: _Call) -> None:
            async with call.place:
                # Asked when its turn has come, not before: no creation is sent after a cancel was seen.
                if not overtaken():
                    await self._guard(outcome, call.do)

        ends = await asyncio.gather(*(run(call) for call in calls), return_exceptions=True)
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
                await self._creation.start(key, action.job, outcome)
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


def _only_jobs(actions: Sequence[Action]) -> bool:
    """Returns whether nothing but a Job is told or removed."""
    return all(isinstance(action, WriteJobStatus | DeleteJob) for action in actions)


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
