"""Create the Jobs and pods of cases, and decide what a rejection means.

"Already exists" is success if the object belongs to this SimulationJob. The gate records rejections for the planner.
A stop sign that arrives after the Job is created keeps its pod from being created.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from simjob.api.simulationjob import SimulationJob
from simjob.api.sweep.cases import Case
from simjob.core.cases.tableshards import DamagedTableError
from simjob.core.children import jobandpod
from simjob.core.facts import childnames
from simjob.core.facts.jobs import JobFact
from simjob.core.observed.refusedcreation import CASE_TABLE, Refusal
from simjob.core.plan import CreateCase
from simjob.runtime.client.adaptivelimit import Limiter
from simjob.runtime.client.errors import (
    AlreadyExistsError,
    ClusterError,
    ForbiddenError,
    InvalidError,
    NamespaceTerminatingError,
    NotFoundError,
    ObjectQuotaError,
)
from simjob.runtime.client.key import Key
from simjob.runtime.cluster.calls import Cluster, StoredJob
from simjob.runtime.executing.creationgate import Attempt, Gate
from simjob.runtime.executing.passoutcome import PassOutcome
from simjob.runtime.store.store import Store
from simjob.runtime.tables.caselookup import CaseTables

T = TypeVar("T")

_UNMANAGED: Final = (
    'the cluster removed spec.managedBy from Job "{name}", so its Job controller would have run the case a second '
    "time; the operator deleted the Job. Find the policy or webhook that changes Jobs, or enable the feature gate "
    "JobManagedBy of the API server"
)


class Creation:
    """Create Jobs and pods. Their latencies move the limiter; the caller holds a place of the budget."""

    def __init__(self, cluster: Cluster, store: Store, tables: CaseTables, limiter: Limiter) -> None:
        self._cluster = cluster
        self._store = store
        self._tables = tables
        self._limiter = limiter

    async def create(
        self, key: Key, job: SimulationJob, template: Mapping[str, Any], action: CreateCase, outcome: PassOutcome
    ) -> None:
        """Create the Job of a case and its pod. `template` is `spec.template` as JSON-ready values."""
        with outcome.gate.attempt(action.index) as attempt:
            if attempt is not None:
                await self._make(key, job, template, action, Asking(outcome.gate, attempt))

    async def _make(
        self, key: Key, job: SimulationJob, template: Mapping[str, Any], action: CreateCase, asking: "Asking"
    ) -> None:
        case = await self._read(job, action.index, asking)
        if case is None or self._store.must_not_create(key):
            return
        body = jobandpod.render_job(job, template, case, action.restarts)
        name = childnames.job_name(job.metadata.name, job.metadata.uid, action.index, action.restarts)
        stored = await asking.that("Job", case.name, lambda: self._create_or_get(key, name, body, action.index))
        if stored is None:
            return
        asking.gate.created(action.index)
        self._store.put_job(stored.fact)
        if stored.fact.suspended or stored.fact.succeeded is not None:
            asking.accepted()
        else:
            await self._create_pod(key, stored, asking)

    async def _read(self, job: SimulationJob, index: int, asking: "Asking") -> Case | None:
        try:
            return await self._tables.case(job, index)
        except DamagedTableError as damaged:
            asking.refused(Refusal(index=index, kind=CASE_TABLE, message=str(damaged)))
            return None

    async def _create_or_get(self, key: Key, name: str, body: bytes, index: int) -> StoredJob:
        try:
            stored = await self._limiter.timed(self._cluster.create_job(key.namespace, body))
        except AlreadyExistsError as conflict:
            found = await _ours(self._cluster.get_job(key.namespace, name))
            if found is None or found.fact.owner_uid != key.uid or found.fact.index != index:
                message = f'a Job named "{name}" exists and does not belong to this case; delete it if nobody needs it'
                raise ForbiddenError(message) from conflict
            stored = found
        if not stored.fact.managed:
            await self._cluster.delete_job(key.namespace, name, stored.fact.uid)
            raise ForbiddenError(_UNMANAGED.format(name=name))
        return stored

    async def start(self, key: Key, job: JobFact, outcome: PassOutcome) -> None:
        """Create the pod of a Job's current attempt, from the Job as the API server stores it now."""
        with outcome.gate.attempt(job.index) as attempt:
            if attempt is not None and not self._store.must_not_create(key):
                await self._start(key, job, Asking(outcome.gate, attempt))

    async def _start(self, key: Key, job: JobFact, asking: "Asking") -> None:
        stored = await _ours(self._cluster.get_job(job.namespace, job.name))
        if stored is None:
            return  # Gone. The watch reports it.
        self._store.put_job(stored.fact)
        fact = stored.fact
        waits = fact.suspended or fact.terminating or fact.succeeded is not None
        if fact.uid == job.uid and fact.attempt == job.attempt and not waits:
            await self._create_pod(key, stored, asking)

    async def _create_pod(self, key: Key, stored: StoredJob, asking: "Asking") -> None:
        if self._store.must_not_create(key):
            return
        fact = stored.fact
        name, body = childnames.pod_name(fact.name, fact.attempt), jobandpod.render_pod(fact, stored.template)

        async def create() -> None:
            try:
                pod = await self._limiter.timed(self._cluster.create_pod(fact.namespace, body))
            except AlreadyExistsError as conflict:
                found = await _ours(self._cluster.get_pod(fact.namespace, name))
                if found is None or found.job_uid != fact.uid:
                    message = (
                        f'a pod named "{name}" exists and does not belong to this case; delete it if nobody needs it'
                    )
                    raise ForbiddenError(message) from conflict
                pod = found
            self._store.put_pod(pod)
            asking.accepted()

        await asking.that("Pod", fact.case_name, create)


@dataclass(frozen=True, slots=True)
class Asking:
    """The calls of one attempt to create a case. Their results go to the gate."""

    gate: Gate
    attempt: Attempt

    async def that(self, kind: str, name: str, call: Callable[[], Awaitable[T]]) -> T | None:
        """Return the result of a creation; None if it was rejected or failed, after reporting that to the gate."""
        try:
            return await call()
        except NamespaceTerminatingError:
            raise
        except (InvalidError, ForbiddenError) as refused:
            self.refused(
                Refusal(
                    index=self.attempt.index,
                    case_name=name,
                    kind=kind,
                    message=refused.message,
                    invalid=isinstance(refused, InvalidError),
                    counts_objects=isinstance(refused, ObjectQuotaError),
                )
            )
        except ClusterError as trouble:
            # These codes say that the API server is unavailable. Others concern the object: 500 can come from a broken
            # webhook, and 409 from a quota that other clients change at the same time.
            unavailable = trouble.code in (0, 401, 429) or trouble.code > 500
            refusal = Refusal(
                index=self.attempt.index, case_name=name, kind=kind, message=trouble.message, unavailable=unavailable
            )
            self.gate.failed(self.attempt, refusal, trouble.retry_after)
        return None

    def accepted(self) -> None:
        """Record that everything this case can have now was created."""
        self.gate.accepted(self.attempt)

    def refused(self, refusal: Refusal) -> None:
        """Record why the case cannot be created."""
        self.gate.refused(self.attempt, refusal)


async def _ours(call: Awaitable[T]) -> T | None:
    """Return the result of a read; None if the object does not exist or does not belong to the operator."""
    try:
        return await call
    except NotFoundError:
        return None
