"""Where the cases come from that a spec does not hold itself: a design, a table of the user's, another job.

Gives them as shards to be written, one at a time, so that a hundred thousand cases never are in memory at once.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from simjob.api import simulationjob
from simjob.api.cases import Case, ConfigMapTable
from simjob.api.names import Reason
from simjob.api.ranges import Ranges
from simjob.api.samples import Samples
from simjob.api.simulationjob import SimulationJob
from simjob.api.spec import RerunOf, RerunOutcome
from simjob.core import casetable, sampling, tablefile
from simjob.core.casetable import DamagedTableError, Shard
from simjob.core.tablefile import UnreadableTableError
from simjob.runtime import casetables
from simjob.runtime.cluster import Cluster, ConfigMap
from simjob.runtime.designs import Designs
from simjob.runtime.errors import NotFoundError

# Characters. What is longer takes more than a few milliseconds to read, and is read in a thread.
SHORT: Final = 20_000
_KEYS_TOLD: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table to be written down: what tells it apart, which cases are in it, its shards in order.

    `digest` covers the job's name and the cases, not its uid: made again under its name, a job finds its tables again.
    """

    digest: str
    indexes: Ranges
    shards: AsyncIterator[Shard]


class NoCasesError(Exception):
    """The cases cannot be had; the text says why. `permanent`: they never can."""

    def __init__(self, reason: str, message: str, *, permanent: bool = False) -> None:
        super().__init__(message)
        self.reason = reason
        self.permanent = permanent


class CaseSources:
    """Reads the sources of cases."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._designs = Designs()

    @asynccontextmanager
    async def opened(self, job: SimulationJob) -> AsyncIterator[Table]:
        """Gives the table of a job that needs one; raises NoCasesError, also while its shards are read."""
        cases, uid, name = job.spec.cases, job.metadata.uid, job.metadata.name
        if job.spec.rerun_of is not None:
            async with self._rerun(job, job.spec.rerun_of) as table:
                yield table
        elif cases is not None and cases.samples is not None:
            async with self._drawn(cases.samples, uid, Ranges.span(cases.samples.size), name) as table:
                yield table
        elif cases is not None and cases.config_map is not None:
            yield await self._copied(job, cases.config_map)
        else:
            raise AssertionError("the spec holds its cases itself")

    @asynccontextmanager
    async def _drawn(self, samples: Samples, uid: str, indexes: Ranges, salt: str) -> AsyncIterator[Table]:
        """Draws a design; `uid` is of the job that describes it, from which a seed may come."""
        seed = sampling.seed_of(samples, uid)
        async with self._designs.drawn(samples, seed, indexes) as (digest, shards):
            yield Table(digest=casetable.digest(salt, digest), indexes=indexes, shards=shards)

    async def _copied(self, job: SimulationJob, source: ConfigMapTable) -> Table:
        try:
            text = _text(await self._cluster.get_config_map(job.metadata.namespace, source.name), source)
        except NotFoundError as missing:
            message = f'there is no ConfigMap "{source.name}" with the cases; they start when there is one'
            raise NoCasesError(Reason.SOURCE_NOT_FOUND, message) from missing
        try:
            # It is a mebibyte at most, so that all of it may be in memory.
            if len(text) > SHORT:
                return await asyncio.to_thread(_read, text, source.key, job.metadata.name)
            return _read(text, source.key, job.metadata.name)
        except UnreadableTableError as unreadable:
            message = (
                f'key "{source.key}" of ConfigMap "{source.name}" cannot be read: {unreadable}. '
                "Correct the ConfigMap: the job goes on then"
            )
            raise NoCasesError(Reason.CASES_UNREADABLE, message) from unreadable

    @asynccontextmanager
    async def _rerun(self, job: SimulationJob, rerun: RerunOf) -> AsyncIterator[Table]:
        old = await self._finished(job, rerun)
        indexes = _ended(old, rerun)
        name, before = job.metadata.name, old.metadata.uid
        spec, table = old.spec, old.status.case_table
        if table is None and spec.cases is not None and spec.cases.samples is not None:
            # It ended before its design was written down; its seed may come from its uid.
            async with self._drawn(spec.cases.samples, before, indexes, name) as drawn:
                yield drawn
            return
        shards = self._selected(old, indexes) if table else _made(casetable.pack(spec.case(at) for at in indexes))
        yield Table(digest=casetable.digest(name, before, str(indexes)), indexes=indexes, shards=shards)

    async def _finished(self, job: SimulationJob, rerun: RerunOf) -> SimulationJob:
        """Return the job to run again, which must have ended."""
        if rerun.name == job.metadata.name:
            message = "`rerunOf` names the SimulationJob itself"
            raise NoCasesError(Reason.RERUN_OF_ITSELF, message, permanent=True)
        try:
            old = simulationjob.parse(await self._cluster.get_simulationjob(job.metadata.namespace, rerun.name))
        except NotFoundError as missing:
            message = (
                f'there is no SimulationJob "{rerun.name}" to run again; the cases start when it is there and has ended'
            )
            raise NoCasesError(Reason.RERUN_NOT_FOUND, message) from missing
        if not isinstance(old, SimulationJob):
            message = f'SimulationJob "{rerun.name}" cannot be read: {old.message}'
            raise NoCasesError(Reason.CASES_UNREADABLE, message)
        if not old.status.is_terminal:
            phase = old.status.phase or "not started"
            message = f'SimulationJob "{rerun.name}" has not ended (it is {phase}); its cases run again when it has'
            raise NoCasesError(Reason.RERUN_NOT_FINISHED, message)
        if old.indexes is None:
            message = (
                f'SimulationJob "{rerun.name}" ended before its cases were known, so none can be run again: '
                "apply its spec under another name"
            )
            raise NoCasesError(Reason.INVALID_SPEC, message, permanent=True)
        _check_subset(job, old)
        return old

    async def _selected(self, old: SimulationJob, indexes: Ranges) -> AsyncIterator[Shard]:
        for name in old.status.case_table.config_maps if old.status.case_table else ():
            try:
                lines = await casetables.read_shard(self._cluster, old, name)
                found = await asyncio.to_thread(casetable.select, lines, indexes)
            except DamagedTableError as damaged:
                message = f'the cases of SimulationJob "{old.metadata.name}" are in ConfigMap "{name}": {damaged}'
                raise NoCasesError(Reason.CASES_UNREADABLE, message) from damaged
            if found:
                yield found


def _text(found: ConfigMap, source: ConfigMapTable) -> str:
    if source.key in found.data:
        return found.data[source.key]
    if source.key in found.binary:
        message = f'key "{source.key}" of ConfigMap "{source.name}" is binary: the table must be text in UTF-8'
    else:
        keys = sorted((*found.data, *found.binary))
        told = ", ".join(f'"{key}"' for key in keys[:_KEYS_TOLD]) or "none"
        more = f" and {len(keys) - _KEYS_TOLD} more" if len(keys) > _KEYS_TOLD else ""
        message = f'ConfigMap "{source.name}" has no key "{source.key}"; its keys are {told}{more}'
    raise NoCasesError(Reason.SOURCE_NOT_FOUND, message)


def _read(text: str, key: str, salt: str) -> Table:
    count = 0

    def counted() -> Iterator[Case]:
        nonlocal count
        for case in tablefile.read(text, key):
            count += 1
            yield case

    shards = list(casetable.pack(counted()))
    digest = casetable.digest(salt, *(shard.text for shard in shards))
    return Table(digest=digest, indexes=Ranges.span(count), shards=_each(shards))


async def _each(shards: Iterable[Shard]) -> AsyncIterator[Shard]:
    for shard in shards:
        yield shard


async def _made(shards: Iterator[Shard]) -> AsyncIterator[Shard]:
    """Yields shards that take long to make: each is made in a thread."""
    while shard := await asyncio.to_thread(next, shards, None):
        yield shard


def _check_subset(job: SimulationJob, old: SimulationJob) -> None:
    wanted, known = job.spec.subset, old.indexes
    if wanted is not None and known is not None and (unknown := wanted.minus(known)):
        index = next(iter(unknown))
        message = f'`subset` names case {index}, which is none of the {len(known)} of "{old.metadata.name}"'
        raise NoCasesError(Reason.INVALID_SPEC, message, permanent=True)


def _ended(old: SimulationJob, rerun: RerunOf) -> Ranges:
    ledger = old.status.ledger
    failed = ledger.failed if RerunOutcome.FAILED in rerun.outcomes else Ranges()
    cancelled = ledger.cancelled if RerunOutcome.CANCELLED in rerun.outcomes else Ranges()
    return failed.union(cancelled).intersection(old.selection)
