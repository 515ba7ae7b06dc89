"""Store the cases of SimulationJobs in ConfigMaps, in the background: it can take seconds, and a cancel must not wait.

Shards that an earlier run of the operator has stored are reused: their names contain a digest of the whole table.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from simjob.api import names
from simjob.api.names import Reason
from simjob.api.simulationjob import SimulationJob
from simjob.api.sweep.stored import CaseTable
from simjob.core.cases import tableshards
from simjob.core.cases.check import CaseCheck
from simjob.core.cases.tableshards import Shard
from simjob.core.observed.preparation import Unprepared
from simjob.runtime.client.errors import AlreadyExistsError, ForbiddenError, InvalidError, NamespaceTerminatingError
from simjob.runtime.client.key import Key
from simjob.runtime.cluster.calls import Cluster
from simjob.runtime.store.workqueue import WorkQueue
from simjob.runtime.subprocesses.childprocess import HelperError
from simjob.runtime.tables import adoption
from simjob.runtime.tables.casesources import CaseSources
from simjob.runtime.tables.configmaptable import SHORT
from simjob.runtime.tables.opentable import NoCasesError

_log = logging.getLogger(__name__)

Answer = CaseTable | Unprepared


class Preparing:
    """The background tasks that store case tables, and their results. A key is queued when its result is ready."""

    def __init__(self, cluster: Cluster, queue: WorkQueue, clock: Callable[[], datetime]) -> None:
        self._cluster = cluster
        self._sources = CaseSources(cluster)
        self._queue = queue
        self._clock = clock
        self._tasks: dict[Key, asyncio.Task[None]] = {}
        self._answers: dict[Key, Answer] = {}
        self._failures: dict[Key, Exception] = {}

    def answer(self, key: Key) -> Answer | None:
        """Return the last result for a SimulationJob; None if there is none yet."""
        return self._answers.get(key)

    def begin(self, key: Key, job: SimulationJob, known: Answer | None) -> None:
        """Start to store a job's cases, unless a task is running. Raise the exception of the last task, if it failed.

        `known` is the result that the plan was based on. If there is a newer one, do nothing: the next plan decides.
        """
        if failure := self._failures.pop(key, None):
            raise failure
        if key not in self._tasks and self._answers.get(key) is known:
            self._tasks[key] = asyncio.create_task(self._run(key, job))

    def stop(self, key: Key) -> None:
        """Cancel the task of a SimulationJob, if one is running."""
        self._failures.pop(key, None)
        if task := self._tasks.pop(key, None):
            task.cancel()

    def forget(self, key: Key) -> None:
        """Cancel the task of a SimulationJob, and drop its result."""
        self.stop(key)
        self._answers.pop(key, None)

    def close(self) -> None:
        """Cancel all tasks."""
        for key in list(self._tasks):
            self.stop(key)

    async def _run(self, key: Key, job: SimulationJob) -> None:
        """Store a job's cases, keep the result or the failure, and queue the key.

        The task does all of it, and leaves nothing to a callback: a pass could run between its end and the callback.
        """
        try:
            result: Answer | Exception = await self._answered(job)
        except Exception as failure:
            result = failure
        if self._tasks.get(key) is not asyncio.current_task():
            return
        del self._tasks[key]
        if isinstance(result, Exception):
            self._failures[key] = result
        else:
            self._answers[key] = _counted(result, self._answers.get(key))
        self._queue.add(key)

    async def _answered(self, job: SimulationJob) -> Answer:
        try:
            table = await self._written(job)
        except NoCasesError as none:
            return Unprepared(reason=none.reason, message=str(none), permanent=none.permanent, at=self._clock())
        except HelperError as trouble:
            _log.warning("cannot prepare the cases; trying again", extra=_about(job, why=trouble.message))
            message = f"the cases could not be prepared; the operator tries again: {trouble.message}"
            return Unprepared(reason=Reason.PREPARING, message=message, at=self._clock())
        except NamespaceTerminatingError:
            raise
        except (ForbiddenError, InvalidError) as refused:
            message = f"the API server rejects the ConfigMaps that are to store the cases: {refused.message}"
            return Unprepared(reason=Reason.TABLE_REFUSED, message=message, at=self._clock())
        count, shards = len(table.indexes), len(table.config_maps)
        _log.info("stored the cases", extra=_about(job, cases=count, configmaps=shards))
        return table

    async def _written(self, job: SimulationJob) -> CaseTable:
        written: list[str] = []
        check = CaseCheck(job)
        async with self._sources.opened(job) as table:
            async for shard in table.shards:
                await _look(check, shard)
                name = tableshards.shard_name(job.metadata.name, table.digest, shard.first)
                await self._write(job, name, shard)
                written.append(name)
        if check.complaint:
            raise NoCasesError(Reason.INVALID_SPEC, check.complaint, permanent=True)
        return CaseTable(config_maps=tuple(written), indexes=table.indexes, format=table.format, columns=table.columns)

    async def _write(self, job: SimulationJob, name: str, shard: Shard) -> None:
        namespace = job.metadata.namespace
        try:
            await self._cluster.create_config_map(namespace, tableshards.render(job, name, shard.text))
        except AlreadyExistsError as conflict:
            found = await self._cluster.get_config_map(namespace, name)
            is_same = found.data.get(names.CASES_KEY) == shard.text
            if not is_same or await adoption.claim(self._cluster, job, name, found, same_content=True) is None:
                message = (
                    f'a ConfigMap named "{name}" exists and does not belong to this SimulationJob; '
                    "delete it if nobody needs it"
                )
                raise ForbiddenError(message) from conflict


def _counted(answer: Answer, last: Answer | None) -> Answer:
    """Return the result with the number of tries in a row that failed in the same way."""
    if not isinstance(answer, Unprepared) or not isinstance(last, Unprepared):
        return answer
    is_same = (answer.reason, answer.message) == (last.reason, last.message)
    return replace(answer, tries=last.tries + 1) if is_same else answer


async def _look(check: CaseCheck, shard: Shard) -> None:
    """Check the cases of a shard; raise NoCasesError if one of them cannot start."""

    def look() -> None:
        for case in tableshards.cases(shard.text):
            check.look(case)

    if len(shard.text) > SHORT:
        await asyncio.to_thread(look)
    else:
        look()
    if check.unstartable:
        raise NoCasesError(Reason.INVALID_SPEC, check.unstartable, permanent=True)


def _about(job: SimulationJob, **more: Any) -> dict[str, Any]:
    return {"namespace": job.metadata.namespace, "simulationjob": job.metadata.name, **more}
