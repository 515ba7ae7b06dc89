"""Reads and writes the ConfigMaps of a SimulationJob's results: NAME-results-0 and so on, each row once.

A row counts when its case is in the stored ledger. What is not is of a status write that never came, or of an earlier
SimulationJob of the name, and is thrown away.
"""

from dataclasses import dataclass, field, replace

from simjob.api import names
from simjob.api.simulationjob import SimulationJob
from simjob.api.status import Results
from simjob.core.children import configmapowner
from simjob.core.children.configmapowner import Ownership
from simjob.core.results import results
from simjob.runtime.client.errors import (
    AlreadyExistsError,
    ConflictError,
    ForbiddenError,
    NotFoundError,
    UnavailableError,
)
from simjob.runtime.cluster.calls import Cluster, ConfigMap
from simjob.runtime.tables import adoption


@dataclass(slots=True)
class Tail:
    """The last shard with rows. `there`: its ConfigMap and the empty ones after it, as last read or written, by number.

    `counted`: what all shards hold, if all were read.
    """

    number: int
    text: str = ""
    there: dict[int, ConfigMap] = field(default_factory=dict)
    counted: Results | None = None


@dataclass(slots=True)
class _Reading:
    """What was found in the shards, from the last one to the first."""

    names: list[str] = field(default_factory=list)
    indexes: set[int] = field(default_factory=set)
    truncated: int = 0
    is_current: bool = False


class ResultShards:
    """The shards of one SimulationJob after another."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def open(self, job: SimulationJob, *, whole: bool) -> Tail:
        """Return the last shard, after throwing away rows that the ledger does not know, and second ones of a case.

        `whole`: look at all shards and count their rows. Otherwise only at those that were written last.
        """
        listed = job.status.results
        last = results.last_number(listed.config_maps if listed else ())
        end, first = last, 0 if whole else last
        while await self._find(job, end + 1) is not None:
            end += 1
        tail: Tail | None = None
        reading, there = _Reading(), dict[int, ConfigMap]()
        for number in range(end, first - 1, -1):
            shard = await self._read(job, number, reading)
            if shard is not None and tail is None:
                there[number] = shard
                if text := shard.data[names.RESULTS_KEY]:
                    tail = Tail(number, text)
        tail = tail or Tail(first)
        tail.there = there
        if whole:
            tail.counted = results.recounted(job.status, reading.names[::-1], reading.indexes, reading.truncated)
        return tail

    async def write(self, job: SimulationJob, tail: Tail, number: int, text: str) -> None:
        """Make this the last shard, with this text."""
        there = tail.there.get(number)
        if there is None:
            tail.there[number] = await self._create(job, number, text)
        elif there.data.get(names.RESULTS_KEY) != text:
            tail.there[number] = await self._overwrite(job, number, there, text)
        tail.number, tail.text = number, text

    async def _read(self, job: SimulationJob, number: int, reading: _Reading) -> ConfigMap | None:
        """Return a shard with the rows that count."""
        shard = await self._find(job, number)
        if shard is None:
            return None
        text = shard.data.get(names.RESULTS_KEY, "")
        kept = results.recorded(text, results.ended(job.status.ledger), reading.indexes)
        if kept.text != text:
            if not reading.is_current:
                await self._require_current(job)
                reading.is_current = True
            shard = await self._overwrite(job, number, shard, kept.text)
        if kept.indexes:
            reading.names.append(results.shard_name(job.metadata.name, number))
        reading.indexes |= kept.indexes
        reading.truncated += kept.truncated
        return replace(shard, data={names.RESULTS_KEY: kept.text})

    async def _find(self, job: SimulationJob, number: int) -> ConfigMap | None:
        name = results.shard_name(job.metadata.name, number)
        try:
            found = await self._cluster.get_config_map(job.metadata.namespace, name)
        except NotFoundError:
            return None
        return await adoption.claim(self._cluster, job, name, found)

    async def _require_current(self, job: SimulationJob) -> None:
        # What a newer ledger knows must not be thrown away.
        meta = job.metadata
        newest = await self._cluster.get_simulationjob(meta.namespace, meta.name)
        if newest["metadata"]["resourceVersion"] != meta.resource_version:
            raise ConflictError("the SimulationJob has changed since it was read")

    async def _overwrite(self, job: SimulationJob, number: int, there: ConfigMap, text: str) -> ConfigMap:
        name = results.shard_name(job.metadata.name, number)
        data = {names.RESULTS_KEY: text}
        return await self._cluster.write_config_map(
            job.metadata.namespace, name, there.uid, there.resource_version, data
        )

    async def _create(self, job: SimulationJob, number: int, text: str) -> ConfigMap:
        meta, name = job.metadata, results.shard_name(job.metadata.name, number)
        try:
            return await self._cluster.create_config_map(meta.namespace, results.render(job, name, text))
        except AlreadyExistsError as taken:
            found = await self._cluster.get_config_map(meta.namespace, name)
            match configmapowner.of(job, found.owners, found.labels):
                case Ownership.OURS:
                    raise ConflictError(f'the ConfigMap "{name}" was made meanwhile') from taken
                case Ownership.ADOPTABLE if not found.owner_uid:
                    message = (
                        f'the ConfigMap "{name}" holds results of an earlier SimulationJob of this name, which are not '
                        "known to have the same cases and template; copy what you need of it and delete it"
                    )
                    raise ForbiddenError(message) from taken
            if found.owner_uid:
                raise UnavailableError(f'the ConfigMap "{name}" belongs to another object still') from taken
            message = f'a ConfigMap named "{name}" is there already and is not ours: delete it if nobody needs it'
            raise ForbiddenError(message) from taken
