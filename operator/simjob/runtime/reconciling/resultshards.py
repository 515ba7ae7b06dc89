"""Read and write the ConfigMaps with a SimulationJob's results: NAME-results-0, NAME-results-1, ..., each row once.

A row counts when the stored status has the outcome of its case. Other rows are dropped: the status write that should
have followed them failed, or they are from an earlier SimulationJob of the same name.
"""

from dataclasses import dataclass, field, replace

from simjob.api import names
from simjob.api.simulationjob import SimulationJob
from simjob.api.sweep.stored import Results
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
    """The last shard with rows.

    `there`: its ConfigMap and the empty ones after it, by number, as last read or written.
    `counted`: the content of all shards as a status reports it, if all were read.
    """

    number: int
    text: str = ""
    there: dict[int, ConfigMap] = field(default_factory=dict)
    counted: Results | None = None


@dataclass(slots=True)
class _Reading:
    """What was found so far while the shards are read from the last to the first."""

    names: list[str] = field(default_factory=list)
    indexes: set[int] = field(default_factory=set)
    truncated: int = 0
    is_current: bool = False


class ResultShards:
    """Read and write the result shards of SimulationJobs."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def open(self, job: SimulationJob, *, whole: bool) -> Tail:
        """Return the last shard. First remove rows without an outcome in the status, and second rows of a case.

        With `whole`, read all shards and count their rows; otherwise read only the last ones. Raise ClusterError.
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
        """Write `text` to the shard with this number, which becomes the last one. Raise ClusterError."""
        there = tail.there.get(number)
        if there is None:
            tail.there[number] = await self._create(job, number, text)
        elif there.data.get(names.RESULTS_KEY) != text:
            tail.there[number] = await self._overwrite(job, number, there, text)
        tail.number, tail.text = number, text

    async def _read(self, job: SimulationJob, number: int, reading: _Reading) -> ConfigMap | None:
        """Return a shard with only the rows that count; None if it does not exist."""
        shard = await self._find(job, number)
        if shard is None:
            return None
        text = shard.data.get(names.RESULTS_KEY, "")
        kept = results.recorded(text, results.ended(job.status.outcomes), reading.indexes)
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
        # What a newer status knows must not be thrown away.
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
                    raise ConflictError(f'the ConfigMap "{name}" was created meanwhile') from taken
                case Ownership.ADOPTABLE if not found.owner_uid:
                    message = (
                        f'the ConfigMap "{name}" holds results of an earlier SimulationJob of this name, which may '
                        "have had other cases or another template; copy what you need and delete the ConfigMap"
                    )
                    raise ForbiddenError(message) from taken
            if found.owner_uid:
                raise UnavailableError(f'the ConfigMap "{name}" still belongs to another object') from taken
            message = (
                f'a ConfigMap named "{name}" exists and does not belong to this SimulationJob; '
                "delete it if nobody needs it"
            )
            raise ForbiddenError(message) from taken
