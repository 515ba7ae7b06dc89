"""Look up children that the watches do not show, by name, and restore their label.

The watches select by a label. A child that loses the label looks deleted to them, and a child whose label a policy
removes at creation never appears. The last known state of such a child counts until a read by name shows that it is
gone. If the label cannot be restored, or is removed again, the child is read every five seconds.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from simjob.core.facts import childnames
from simjob.core.facts.jobs import JobFact
from simjob.core.facts.pods import PodFact
from simjob.runtime.client.errors import ClusterError, NotFoundError
from simjob.runtime.client.key import Key
from simjob.runtime.client.requestbudget import Budget, Kind
from simjob.runtime.cluster.calls import Cluster
from simjob.runtime.store.store import Store
from simjob.runtime.store.workqueue import WorkQueue

F = TypeVar("F", JobFact, PodFact)

AGAIN: Final = timedelta(seconds=5)
# The number of children that a pass looks up before it plans. The pass waits for the responses, and a cancel waits for
# the pass.
AT_ONCE: Final = 32
# The number of children for which a logged error is remembered. It is logged again for children beyond that.
_REMEMBERED: Final = 10_000

_log = logging.getLogger(__name__)


class Lookup:
    """Look up children of SimulationJobs, within the request budget."""

    def __init__(
        self, cluster: Cluster, store: Store, queue: WorkQueue, budget: Budget, clock: Callable[[], datetime]
    ) -> None:
        self._cluster = cluster
        self._store = store
        self._queue = queue
        self._budget = budget
        self._clock = clock
        self._logged: OrderedDict[str, None] = OrderedDict()

    async def look_up(self, key: Key) -> None:
        """Read up to 32 children that the watches do not show and whose lookup is due. Retry failed reads later.

        If more are due, queue the next pass at once.
        """
        jobs, pods = self._store.unseen(key, self._clock())
        calls = [self._later(job, self._look_up_job(job)) for job in jobs[:AT_ONCE]]
        calls += [self._later(pod, self._look_up_pod(pod)) for pod in pods[: AT_ONCE - len(calls)]]
        await self._together(key, calls)
        if len(calls) < len(jobs) + len(pods):
            self._store.wake(key)
        elif self._store.has_unseen(key):
            self._queue.add_after(key, AGAIN.total_seconds())

    async def find_jobs(self, key: Key) -> None:
        """Read the Jobs that pods name as their owners but that are unknown. Raise ClusterError."""
        pods = self._store.without_job(key)
        calls = [self._find_job(pod.namespace, childnames.job_of(pod.name), uid=pod.job_uid) for pod in pods]
        await self._together(key, calls)

    async def find_pods(self, key: Key) -> None:
        """Read the pods of Jobs whose current attempt has no known pod but may have one. Raise ClusterError."""
        jobs = self._store.without_pod(key, self._clock())
        calls = [self._find_pod(key, childnames.pod_name(job.name, job.attempt), job.uid) for job in jobs]
        await self._together(key, calls)

    async def find(self, key: Key, jobs: Sequence[str], pods: Sequence[str]) -> None:
        """Read the Jobs and pods with these names, and store those of the SimulationJob. Raise ClusterError."""
        calls = [self._find_job(key.namespace, name, owner_uid=key.uid) for name in jobs]
        await self._together(key, [*calls, *(self._find_pod(key, name) for name in pods)])

    async def _later(self, child: JobFact | PodFact, call: Awaitable[None]) -> None:
        try:
            await call
        except ClusterError as trouble:
            self._complain("cannot look up a Job or pod", child, trouble)
            self._store.look_later(child, self._clock() + AGAIN)

    async def _together(self, key: Key, calls: list[Coroutine[Any, Any, None]]) -> None:
        """Make the calls concurrently, within the budget. After one fails, start no more; raise its exception."""
        has_failed = False

        async def in_place(call: Coroutine[Any, Any, None]) -> None:
            nonlocal has_failed
            async with self._budget.place(Kind.PROGRESS, key):
                if has_failed:
                    call.close()
                    return
                try:
                    await call
                except ClusterError:
                    has_failed = True
                    raise

        ends = await asyncio.gather(*map(in_place, calls), return_exceptions=True)
        for end in ends:
            if isinstance(end, BaseException):
                raise end

    async def _look_up_job(self, job: JobFact) -> None:
        try:
            found = (await self._cluster.get_job(job.namespace, job.name)).fact
        except NotFoundError:
            self._store.job_deleted(job)
            return
        if found.uid == job.uid:
            await self._take_job(found)
        else:
            self._store.job_deleted(job)

    async def _find_job(self, namespace: str, name: str, *, uid: str = "", owner_uid: str = "") -> None:
        """Store the Job of a name if it has the given uid or the given owner."""
        try:
            found = (await self._cluster.get_job(namespace, name)).fact
        except NotFoundError:
            return
        if found.uid == uid or found.owner_uid == owner_uid:
            await self._take_job(found)

    async def _take_job(self, job: JobFact) -> None:
        self._store.put_job(job)
        if job.labelled:
            self._store.shown(job)
            return
        call = self._cluster.label_job(job.namespace, job.name, job.uid, job.owner_uid)
        if labelled := await self._labelled(call, job):
            self._store.put_job(labelled)

    async def _look_up_pod(self, pod: PodFact) -> None:
        found = await self._get_pod(pod.namespace, pod.name, pod.owner_uid)
        if found is None or found.uid != pod.uid:
            self._store.pod_deleted(pod)
        else:
            await self._take(found)

    async def _find_pod(self, key: Key, name: str, job_uid: str = "") -> None:
        """Store the pod of a name if it belongs to the SimulationJob, and to the given Job if there is one."""
        found = await self._get_pod(key.namespace, name, key.uid)
        if found and found.owner_uid == key.uid and job_uid in ("", found.job_uid):
            await self._take(found)

    async def _get_pod(self, namespace: str, name: str, owner_uid: str) -> PodFact | None:
        try:
            return await self._cluster.get_pod(namespace, name, owner_uid)
        except NotFoundError:
            return None

    async def _take(self, pod: PodFact) -> None:
        self._store.put_pod(pod)
        if pod.labelled:
            self._store.shown(pod)
        elif pod.live:
            call = self._cluster.label_pod(pod.namespace, pod.name, pod.uid, pod.owner_uid)
            if labelled := await self._labelled(call, pod):
                self._store.put_pod(labelled)

    async def _labelled(self, call: Awaitable[F], child: F) -> F | None:
        """Return the response to a label patch; None if it was rejected. Look again later if the label is missing."""
        try:
            answer = await call
        except ClusterError as refused:
            self._complain("cannot restore a missing label", child, refused)
            answer = None
        if answer is not None and answer.labelled:
            _log.warning("restored a missing label", extra=_about(child))
        else:
            self._store.look_later(child, self._clock() + AGAIN)
        return answer

    def _complain(self, message: str, child: JobFact | PodFact, trouble: ClusterError) -> None:
        """Log an error once per child, not every five seconds."""
        if child.uid not in self._logged:
            _log.warning(message, extra=_about(child) | {"why": trouble.message})
        self._logged[child.uid] = None
        if len(self._logged) > _REMEMBERED:
            self._logged.popitem(last=False)


def _about(child: JobFact | PodFact) -> dict[str, Any]:
    return {"namespace": child.namespace, "uid": child.owner_uid, "child": child.name}
