"""Makes cases' Jobs and pods, and judges what a refusal means.

"Already there" with our uid is success; what the API server refuses is remembered for the planner. A stop sign that
comes between the Job and its pod is obeyed.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeVar

from simjob.api.cases import Case
from simjob.api.simulationjob import SimulationJob
from simjob.core import children, identity
from simjob.core.casetable import DamagedTableError
from simjob.core.facts import JobFact
from simjob.core.observed import CASE_TABLE, Refusal
from simjob.core.plan import CreateCase
from simjob.runtime.casetables import CaseTables
from simjob.runtime.cluster import Cluster, StoredJob
from simjob.runtime.errors import (
    AlreadyExistsError,
    ForbiddenError,
    InvalidError,
    NamespaceTerminatingError,
    NotFoundError,
    ObjectQuotaError,
)
from simjob.runtime.limiter import Limiter
from simjob.runtime.outcome import Outcome
from simjob.runtime.store import Store
from simjob.runtime.workqueue import Key

T = TypeVar("T")

_UNMANAGED: Final = (
    'the cluster took spec.managedBy out of Job "{name}", so it would have run the case a second time; the Job was '
    "deleted. Find the policy or webhook that changes Jobs, or turn on the feature gate JobManagedBy of the API server"
)


class Creation:
    """Makes Jobs and pods; their times move the limiter, whose places the caller holds."""

    def __init__(self, cluster: Cluster, store: Store, tables: CaseTables, limiter: Limiter) -> None:
        self._cluster = cluster
        self._store = store
        self._tables = tables
        self._limiter = limiter

    async def create(
        self, key: Key, job: SimulationJob, template: Mapping[str, Any], action: CreateCase, outcome: Outcome
    ) -> None:
        """Makes a case's Job from `template`, that of the spec, and its pod."""
        if outcome.refusal:
            return
        case = await self._read(job, action.index, outcome)
        if case is None or self._store.must_not_create(key):
            return
        body = children.render_job(job, template, case, action.round)
        name = identity.job_name(job.metadata.name, job.metadata.uid, action.index, action.round)
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
            return await self._tables.case(job, index)
        except DamagedTableError as damaged:
            outcome.refusal = Refusal(index=index, kind=CASE_TABLE, message=str(damaged))
            return None

    async def _create_or_get(self, key: Key, name: str, body: bytes, index: int) -> StoredJob:
        try:
            stored = await self._limiter.timed(self._cluster.create_job(key.namespace, body))
        except AlreadyExistsError as conflict:
            found = await _ours(self._cluster.get_job(key.namespace, name))
            if found is None or found.fact.owner_uid != key.uid or found.fact.index != index:
                raise ForbiddenError(f'a Job named "{name}" is there already and is not ours') from conflict
            stored = found
        if not stored.fact.managed:
            await self._cluster.delete_job(key.namespace, name, stored.fact.uid)
            raise ForbiddenError(_UNMANAGED.format(name=name))
        return stored

    async def start(self, key: Key, job: JobFact, outcome: Outcome) -> None:
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
        name, body = identity.pod_name(fact.name, fact.attempt), children.render_pod(fact, stored.template)

        async def create() -> None:
            try:
                pod = await self._limiter.timed(self._cluster.create_pod(fact.namespace, body))
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
                counts_objects=isinstance(refused, ObjectQuotaError),
            )
        return None


async def _ours(call: Awaitable[T]) -> T | None:
    """Returns what is read, None if it is not there or not ours."""
    try:
        return await call
    except NotFoundError:
        return None
