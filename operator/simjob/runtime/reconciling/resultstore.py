"""Keeps the results of cases in ConfigMaps, each row once, before their outcomes go to the ledger.

A row is stored first and counts when the status write that follows has put its case into the ledger. All shards are
read (runtime/reconciling/resultshards.py) once by each process, and whenever a status came back with less than this
process wrote.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Self

from simjob.api.names import Reason
from simjob.api.simulationjob import SimulationJob
from simjob.api.status import MAX_SHARDS, Results, Status
from simjob.api.sweep.cases import Case
from simjob.api.sweep.ranges import Ranges
from simjob.core.cases.tableshards import DamagedTableError
from simjob.core.plan import End, Notice
from simjob.core.results import results
from simjob.runtime.client.errors import ClusterError, ConflictError, ForbiddenError, InvalidError, NotFoundError
from simjob.runtime.client.key import Key
from simjob.runtime.cluster.calls import Cluster
from simjob.runtime.reconciling.resultshards import ResultShards, Tail
from simjob.runtime.tables.caselookup import CaseTables

# SimulationJobs whose last shard is kept in memory; those of others are read again.
_KEPT: Final = 16
# Seconds that an outcome may wait for an API server that does not answer, or for an older SimulationJob to go.
_PATIENCE: Final = 30.0


@dataclass(frozen=True, slots=True)
class _Mark:
    """What a status says of results, and which cases have ended by it."""

    results: Results | None
    ended: Ranges

    def fits(self, status: Status) -> bool:
        """Return whether a status says the same: nobody else has written it."""
        return self == _Mark.of(status.results, results.ended(status.ledger))

    @classmethod
    def of(cls, found: Results | None, ended: Ranges) -> Self:
        """Make a mark; an older CRD does not keep `truncated`."""
        return cls(found.model_copy(update={"truncated": None}) if found else None, ended)


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the shards held before the last save, and after it, as a status says it."""

    before: _Mark
    after: _Mark


@dataclass(slots=True)
class _Stored:
    """What came of storing: the shards written, the rows in them, how many of these are cut, and why others are not.

    `before`: the results that were there before that. `is_known`: they are what the shards hold.
    """

    before: Results | None
    is_known: bool
    shards: list[str] = field(default_factory=list)
    rows: int = 0
    truncated: int = 0
    refused: str = ""


class ResultStore:
    """The results of all SimulationJobs, and what this process knows of their shards."""

    def __init__(self, cluster: Cluster, tables: CaseTables) -> None:
        self._tables = tables
        self._shards = ResultShards(cluster)
        self._tails: OrderedDict[Key, Tail] = OrderedDict()
        self._seen: dict[Key, _Seen] = {}
        self._in_trouble: dict[Key, float] = {}

    async def save(
        self, key: Key, job: SimulationJob, ends: Sequence[End], *, last: bool
    ) -> tuple[Results | None, tuple[Notice, ...]]:
        """Store the results of cases that have ended; return the new `status.results`, and Events about it.

        `last`: the job ends with this. What the API server refuses is counted as missing; for other trouble it
        raises ClusterError for some time, to be called again, and then counts the same.
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
            ended = results.ended(job.status.ledger)
            after = _Mark.of(found, ended.union(Ranges.of(sorted(end.index for end in ends))))
            self._seen[key] = _Seen(_Mark.of(before, ended), after)
        return found, tuple(notices)

    def forget(self, key: Key) -> None:
        """Take note that the status of the last save may not be stored."""
        self._tails.pop(key, None)

    def drop(self, key: Key) -> None:
        """Take note that the SimulationJob has ended or is gone."""
        self.forget(key)
        self._seen.pop(key, None)
        self._in_trouble.pop(key, None)

    def _may_wait(self, key: Key) -> bool:
        now = asyncio.get_running_loop().time()
        return now - self._in_trouble.setdefault(key, now) < _PATIENCE

    def _is_known(self, key: Key, job: SimulationJob) -> bool:
        """Return whether this process knows the shards that go with the status; otherwise forget what it knows."""
        seen = self._seen.get(key)
        if seen is not None and seen.after.fits(job.status):
            return True
        # What was written last is not in the status.
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
                raise ForbiddenError(f"there are {MAX_SHARDS} ConfigMaps of results already")
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
            # What it was run with is lost, what came out is not.
            return Case(end.index, end.name, {})


def _refused(rows: int, why: str) -> Notice:
    note = f"{rows} results could not be stored and count as missing: {why}"
    return Notice(reason=Reason.RESULTS_REFUSED, action="Store", note=note, warning=True)


def _truncated(end: End) -> Notice:
    note = (
        f"the result of case {end.index} is as long as the kubelet's limit, so a part of it may be lost; such results "
        "are kept as texts and count as `status.results.truncated`: write less to the termination message"
    )
    return Notice(reason=Reason.RESULTS_TRUNCATED, action="Store", note=note, warning=True)
