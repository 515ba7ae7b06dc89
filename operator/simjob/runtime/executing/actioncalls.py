"""Make the API calls of one action on an object that exists, and decide what the responses mean.

For a deletion, "not found" is success. Responses go to the store at once, so that the next pass sees them.
"""

from typing import assert_never

from simjob.api import names
from simjob.api.names import Reason
from simjob.api.schema import format_time
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
from simjob.runtime.client.adaptivelimit import Limiter
from simjob.runtime.client.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from simjob.runtime.client.key import Key
from simjob.runtime.cluster.calls import Cluster
from simjob.runtime.executing import backoff
from simjob.runtime.executing.passoutcome import PassOutcome
from simjob.runtime.executing.refuseddeadlines import Deadlines
from simjob.runtime.store.store import Store


class ActionCalls:
    """The calls of all actions but creations. Their times adjust `limiter`, that of deletions."""

    def __init__(self, cluster: Cluster, store: Store, limiter: Limiter) -> None:
        self._cluster = cluster
        self._store = store
        self._limiter = limiter
        self._deadlines = Deadlines()

    async def carry_out(self, key: Key, action: Action, outcome: PassOutcome) -> None:
        """Carry out an action. Raise ClusterError."""
        match action:
            case DeletePod(pod=pod):
                fact = await self._limiter.timed(self._cluster.delete_pod(pod.namespace, pod.name, pod.uid))
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

    async def still_waits(self, pod: PodFact) -> bool:
        """Read a pod that waited too long; return whether it still waits. The watch may be late or rejected."""
        try:
            found = await self._cluster.get_pod(pod.namespace, pod.name, pod.owner_uid)
        except NotFoundError:
            self._store.pod_missing(pod)
            return False
        self._store.put_pod(found)
        return timeouts.still_waits(pod, found)


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
