"""Store the results of cases in ConfigMaps, each row once, before the outcomes are written to the status.

A row is stored first. It counts once the following status write has recorded the outcome of its case. Each process
reads all shards once (runtime/reconciling/resultshards.py), and again when a status has less than this process wrote.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Self

from simjob.api.names import Reason
from simjob.api.simulationjob import SimulationJob
from simjob.api.status import Status
from simjob.api.sweep.cases import Case
from simjob.api.sweep.ranges import Ranges
from simjob.api.sweep.stored import MAX_SHARDS, Results
from simjob.core.cases.tableshards import DamagedTableError
from simjob.core.plan import End, Notice
from simjob.core.results import results
from simjob.runtime.client.errors import ClusterError, ConflictError, ForbiddenError, InvalidError, NotFoundError
from simjob.runtime.client.key import Key
from simjob.runtime.cluster.calls import Cluster
from simjob.runtime.reconciling.resultshards import ResultShards, Tail
from simjob.runtime.tables.caselookup import CaseTables

# The number of SimulationJobs whose last shard is cached. Other shards are read again.
_KEPT: Final = 16
# Seconds that an outcome waits while the API server does not respond, or an older SimulationJob still owns a ConfigMap.
_PATIENCE: Final = 30.0


@dataclass(frozen=True, slots=True)
class _Mark:
    """The results in a status, and the cases that have ended according to it."""

    results: Results | None
    ended: Ranges

    def fits(self, status: Status) -> bool:
        """Return whether a status says the same, so that no other client has written it."""
        return self == _Mark.of(status.results, results.ended(status.outcomes))

    @classmethod
    def of(cls, found: Results | None, ended: Ranges) -> Self:
        """Return a mark without `truncated`, because an older CRD drops that field."""
        return cls(found.model_copy(update={"truncated": None}) if found else None, ended)


@dataclass(frozen=True, slots=True)
class _Seen:
    """The content of the shards before and after the last save, as a status reports it."""

    before: _Mark
    after: _Mark


@dataclass(slots=True)
class _Stored:
    """The result of storing rows.

    `before`: the results in the status before. `is_known`: whether they match the content of the shards.
    `shards`: the names of the written shards. `rows`: the number of stored rows; `truncated`: of truncated ones.
    `refused`: why the other rows were not stored.
    """

    before: Results | None
    is_known: bool
    shards: list[str] = field(default_factory=list)
    rows: int = 0
    truncated: int = 0
    refused: str = ""


class ResultStore:
    """Store the results of all SimulationJobs, with a cache of their last shards."""

    def __init__(self, cluster: Cluster, tables: CaseTables) -> None:
        self._tables = tables
        self._shards = ResultShards(cluster)
        self._tails: OrderedDict[Key, Tail] = OrderedDict()
        self._seen: dict[Key, _Seen] = {}
        self._in_trouble: dict[Key, float] = {}

    async def save(
        self, key: Key, job: SimulationJob, ends: Sequence[End], *, last: bool
    ) -> tuple[Results | None, tuple[Notice, ...]]:
        """Store the results of cases that have ended; return the new `status.results` and Events about it.

        `last` means that the job ends with this status. Rows that the API server rejects count as missing. For other
        errors raise ClusterError, so that the caller tries again; after 30 seconds such rows count as missing too.
        """
        rows = sorted((end for end in ends if end.result), key=lambda end: end.index)
        stored = _Stored(before=job.status.results, is_known=self._is_known(key, job))
        if rows or (last and key not in self._tails):
            try:
                await self._store(key, job, rows, stored)
                self._in_trouble.pop(key, None)
            except (ConflictError, NotFoundError):
                raise
            except (ForbiddenError, InvalidError) as refusal:
                stored.refused = refusal.message
            except ClusterError as trouble:
                if self._may_wait(key):
                    raise
                stored.refused = trouble.message
        lost = len(rows) - stored.rows
        missing = sum(end.succeeded and not end.result for end in ends) + lost
        before = stored.before
        found = results.counted(before, stored.shards, rows=stored.rows, missing=missing, truncated=stored.truncated)
        notices = [_refused(lost, stored.refused)] if lost else []
        if stored.truncated and not (before and before.truncated):
            notices.append(_truncated(next(end for end in rows if end.cut)))
        if stored.is_known:
            ended = results.ended(job.status.outcomes)
            after = _Mark.of(found, ended.union(Ranges.of(sorted(end.index for end in ends))))
            self._seen[key] = _Seen(_Mark.of(before, ended), after)
        return found, tuple(notices)

    def forget(self, key: Key) -> None:
        """Record that the status of the last save may not be stored: drop the cached shard."""
        self._tails.pop(key, None)

    def drop(self, key: Key) -> None:
        """Drop everything about a SimulationJob that has ended or is gone."""
        self.forget(key)
        self._seen.pop(key, None)
        self._in_trouble.pop(key, None)

    def _may_wait(self, key: Key) -> bool:
        now = asyncio.get_running_loop().time()
        return now - self._in_trouble.setdefault(key, now) < _PATIENCE

    def _is_known(self, key: Key, job: SimulationJob) -> bool:
        """Return whether this process knows the shards that match the status. If not, drop the cached shard."""
        seen = self._seen.get(key)
        if seen is not None and seen.after.fits(job.status):
            return True
        # The status does not have what was written last.
        self._tails.pop(key, None)
        return seen is not None and seen.before.fits(job.status)

    async def _store(self, key: Key, job: SimulationJob, rows: Sequence[End], stored: _Stored) -> None:
        tail = self._tails.pop(key, None) or await self._shards.open(job, whole=not stored.is_known)
        if not stored.is_known:
            stored.before, stored.is_known = tail.counted, True
        lines = [results.line(end, await self._case(job, end)) for end in rows]
        for number, (text, added) in enumerate(results.pack(tail.text, lines), tail.number):
            if not added:
                continue
            if number >= MAX_SHARDS:
                raise ForbiddenError(f"the results already fill {MAX_SHARDS} ConfigMaps, which is the limit")
            await self._shards.write(job, tail, number, text)
            stored.shards.append(results.shard_name(job.metadata.name, number))
            stored.truncated += sum(end.cut for end in rows[stored.rows : stored.rows + added])
            stored.rows += added
        tail.there = {number: found for number, found in tail.there.items() if number >= tail.number}
        self._tails[key] = tail
        if len(self._tails) > _KEPT:
            self._tails.popitem(last=False)

    async def _case(self, job: SimulationJob, end: End) -> Case:
        try:
            return await self._tables.case(job, end.index)
        except DamagedTableError:
            # Its parameters are lost, but its result is not.
            return Case(end.index, end.name, {})


def _refused(rows: int, why: str) -> Notice:
    note = f"{rows} results cannot be stored and count as missing: {why}"
    return Notice(reason=Reason.RESULTS_REFUSED, action="Store", note=note, warning=True)


def _truncated(end: End) -> Notice:
    note = (
        f"the result of case {end.index} is as long as the kubelet allows, so its end may be lost; such results are "
        "stored as texts and count in `status.results.truncated`: write less to the termination message"
    )
    return Notice(reason=Reason.RESULTS_TRUNCATED, action="Store", note=note, warning=True)
