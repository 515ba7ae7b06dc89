"""Keeps the results of cases in ConfigMaps, each row once, before their outcomes go to the ledger.

A row is stored first and counts when the status write that follows has put its case into the ledger. A process that
knows nothing of the last shard reads it: what is in there, or after it, and not in the ledger is of a status write that
never came, and is thrown away.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from simjob.api import names
from simjob.api.cases import Case
from simjob.api.names import Reason
from simjob.api.simulationjob import SimulationJob
from simjob.api.status import MAX_SHARDS, Results
from simjob.core import results
from simjob.core.casetable import DamagedTableError
from simjob.core.plan import End, Notice
from simjob.runtime.casetables import CaseTables
from simjob.runtime.cluster import Cluster, ConfigMap
from simjob.runtime.errors import (
    AlreadyExistsError,
    ClusterError,
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    UnavailableError,
)
from simjob.runtime.workqueue import Key

# Shards of so many SimulationJobs are kept; the others' are read again.
_KEPT: Final = 16
# Seconds that an outcome may wait for an API server that does not answer, or for an older SimulationJob to go.
_PATIENCE: Final = 30.0


@dataclass(slots=True)
class _Tail:
    """The last shard. `there`: it and those that a crash has left after it, by number, as last read or written."""

    number: int
    text: str
    there: dict[int, ConfigMap] = field(default_factory=dict)


@dataclass(slots=True)
class _Stored:
    """What came of storing: the shards written, the rows in them, and why others are not."""

    shards: list[str] = field(default_factory=list)
    rows: int = 0
    refused: str = ""


class ResultStore:
    """Writes the result shards of SimulationJobs."""

    def __init__(self, cluster: Cluster, tables: CaseTables) -> None:
        self._cluster = cluster
        self._tables = tables
        self._tails: OrderedDict[Key, _Tail] = OrderedDict()
        self._in_trouble: dict[Key, float] = {}

    async def save(
        self, key: Key, job: SimulationJob, ends: Sequence[End], *, last: bool
    ) -> tuple[Results | None, tuple[Notice, ...]]:
        """Stores the results of cases that have ended; returns what `status.results` is to be, and what to tell of it.

        `last`: the job ends with this. What the API server refuses is counted as missing; for other trouble it
        raises ClusterError for some time, to be called again, and then counts the same.
        """
        rows = [end for end in ends if end.result]
        stored = _Stored()
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
        return (
            results.counted(job.status.results, stored.shards, rows=stored.rows, missing=missing),
            (_refused(lost, stored.refused),) if lost else (),
        )

    def forget(self, key: Key) -> None:
        """Takes note that the status that goes with the last save may not be stored, or that there is none to come."""
        self._tails.pop(key, None)

    def drop(self, key: Key) -> None:
        """Takes note that the SimulationJob has ended or is gone."""
        self.forget(key)
        self._in_trouble.pop(key, None)

    def _may_wait(self, key: Key) -> bool:
        now = asyncio.get_running_loop().time()
        return now - self._in_trouble.setdefault(key, now) < _PATIENCE

    async def _store(self, key: Key, job: SimulationJob, rows: Sequence[End], stored: _Stored) -> None:
        tail = self._tails.pop(key, None) or await self._open(job)
        lines = [results.line(end, await self._case(job, end)) for end in rows]
        for number, (text, added) in enumerate(results.pack(tail.text, lines), tail.number):
            if number >= MAX_SHARDS:
                raise ForbiddenError(f"there are {MAX_SHARDS} ConfigMaps of results already")
            if added or number in tail.there:
                await self._write(job, tail, number, text)
                tail.number, tail.text = number, text
            if added:
                stored.shards.append(results.shard_name(job.metadata.name, number))
                stored.rows += added
        for number in [number for number in tail.there if number > tail.number]:
            await self._write(job, tail, number, "")
        tail.there = {number: found for number, found in tail.there.items() if number == tail.number}
        self._tails[key] = tail
        if len(self._tails) > _KEPT:
            self._tails.popitem(last=False)

    async def _case(self, job: SimulationJob, end: End) -> Case:
        try:
            return await self._tables.case(job, end.index)
        except DamagedTableError:
            # What it was run with is lost, what came out is not.
            return Case(end.index, end.name, {})

    async def _open(self, job: SimulationJob) -> _Tail:
        """Reads the last shard, without rows that no ledger knows."""
        ledger, listed = job.status.ledger, job.status.results
        ended = ledger.succeeded.union(ledger.failed)
        number = results.last_number(listed.config_maps if listed else ())
        tail, leftover = _Tail(number, ""), False
        while (found := await self._find(job, number)) is not None:
            text = found.data.get(names.RESULTS_KEY, "")
            kept = results.recorded(text, ended)
            leftover = leftover or kept != text
            if kept:
                tail.number, tail.text = number, kept
            tail.there[number] = found
            number += 1
        if leftover:
            await self._require_current(job)
        return tail

    async def _find(self, job: SimulationJob, number: int) -> ConfigMap | None:
        try:
            name = results.shard_name(job.metadata.name, number)
            found = await self._cluster.get_config_map(job.metadata.namespace, name)
        except NotFoundError:
            return None
        return found if found.owner_uid == job.metadata.uid else None

    async def _require_current(self, job: SimulationJob) -> None:
        # What a newer ledger knows must not be thrown away.
        meta = job.metadata
        newest = await self._cluster.get_simulationjob(meta.namespace, meta.name)
        if newest["metadata"]["resourceVersion"] != meta.resource_version:
            raise ConflictError("the SimulationJob has changed since it was read")

    async def _write(self, job: SimulationJob, tail: _Tail, number: int, text: str) -> None:
        namespace, name = job.metadata.namespace, results.shard_name(job.metadata.name, number)
        data = {names.RESULTS_KEY: text}
        if (there := tail.there.get(number)) is None:
            tail.there[number] = await self._create(job, number, text)
        elif there.data.get(names.RESULTS_KEY) != text:
            tail.there[number] = await self._cluster.write_config_map(
                namespace, name, there.uid, there.resource_version, data
            )

    async def _create(self, job: SimulationJob, number: int, text: str) -> ConfigMap:
        meta, name = job.metadata, results.shard_name(job.metadata.name, number)
        try:
            return await self._cluster.create_config_map(meta.namespace, results.render(job, name, text))
        except AlreadyExistsError as taken:
            found = await self._cluster.get_config_map(meta.namespace, name)
            if found.owner_uid == meta.uid:
                raise ConflictError(f'the ConfigMap "{name}" was made meanwhile') from taken
            if found.owner_uid:
                raise UnavailableError(f'the ConfigMap "{name}" belongs to another object still') from taken
            raise ForbiddenError(f'a ConfigMap named "{name}" is there already and is not ours') from taken


def _refused(rows: int, why: str) -> Notice:
    note = f"{rows} results could not be stored and count as missing: {why}"
    return Notice(reason=Reason.RESULTS_REFUSED, action="Store", note=note, warning=True)
