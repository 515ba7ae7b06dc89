"""Makes cases' Jobs and pods, and judges what a refusal means.

"Already there" with our uid is success; what the API server refuses is remembered for the planner. A stop sign that
comes between the Job and its pod is obeyed.
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
from simjob.runtime.client.limiter import Limiter
from simjob.runtime.cluster.calls import Cluster, StoredJob
from simjob.runtime.executing.creationgate import Attempt, Gate
from simjob.runtime.executing.passoutcome import PassOutcome
from simjob.runtime.tables.caselookup import CaseTables
from simjob.runtime.watching.store import Store

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
        self, key: Key, job: SimulationJob, template: Mapping[str, Any], action: CreateCase, outcome: PassOutcome
    ) -> None:
        """Make a case's Job from `template`, that of the spec, and its pod."""
        with outcome.gate.attempt(action.index) as attempt:
            if attempt is not None:
                await self._make(key, job, template, action, Asking(outcome.gate, attempt))

    async def _make(
        self, key: Key, job: SimulationJob, template: Mapping[str, Any], action: CreateCase, asking: "Asking"
    ) -> None:
        case = await self._read(job, action.index, asking)
        if case is None or self._store.must_not_create(key):
            return
        body = jobandpod.render_job(job, template, case, action.round)
        name = childnames.job_name(job.metadata.name, job.metadata.uid, action.index, action.round)
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
                message = f'a Job named "{name}" is there already and is not ours: delete it if nobody needs it'
                raise ForbiddenError(message) from conflict
            stored = found
        if not stored.fact.managed:
            await self._cluster.delete_job(key.namespace, name, stored.fact.uid)
            raise ForbiddenError(_UNMANAGED.format(name=name))
        return stored

    async def start(self, key: Key, job: JobFact, outcome: PassOutcome) -> None:
        """Make the pod of a Job's current attempt, from the Job as it is now."""
        with outcome.gate.attempt(job.index) as attempt:
            if attempt is not None and not self._store.must_not_create(key):
                await self._start(key, job, Asking(outcome.gate, attempt))

    async def _start(self, key: Key, job: JobFact, asking: "Asking") -> None:
        stored = await _ours(self._cluster.get_job(job.namespace, job.name))
        if stored is None:
            return  # The watch brings its end.
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
                    message = f'a pod named "{name}" is there already and is not ours: delete it if nobody needs it'
                    raise ForbiddenError(message) from conflict
                pod = found
            self._store.put_pod(pod)
            asking.accepted()

        await asking.that("Pod", fact.case_name, create)


@dataclass(frozen=True, slots=True)
class Asking:
    """The calls of one attempt to create a case; the gate takes what comes of them."""

    gate: Gate
    attempt: Attempt

    async def that(self, kind: str, name: str, call: Callable[[], Awaitable[T]]) -> T | None:
        """Return the answer to a creation; None if it was refused or did not work, which the gate then knows."""
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
            # 500 is what the API server says of a webhook that does not work, 409 of a quota that others change too.
            unavailable = trouble.code in (0, 401, 429) or trouble.code > 500
            refusal = Refusal(
                index=self.attempt.index, case_name=name, kind=kind, message=trouble.message, unavailable=unavailable
            )
            self.gate.failed(self.attempt, refusal, trouble.retry_after)
        return None

    def accepted(self) -> None:
        """Take note that the case has what it can have now."""
        self.gate.accepted(self.attempt)

    def refused(self, refusal: Refusal) -> None:
        """Take note why the case cannot be created."""
        self.gate.refused(self.attempt, refusal)


async def _ours(call: Awaitable[T]) -> T | None:
    """Return what is read, None if it is not there or not ours."""
    try:
        return await call
    except NotFoundError:
        return None
