"""Look up a case by its index: in the spec, or in the ConfigMaps that hold the case table."""

import asyncio
from collections import OrderedDict
from typing import Final

from simjob.api import names
from simjob.api.simulationjob import SimulationJob
from simjob.api.sweep.cases import Case
from simjob.core.cases import tableshards
from simjob.core.cases.tableshards import DamagedTableError
from simjob.runtime.client.errors import NotFoundError
from simjob.runtime.cluster.calls import Cluster
from simjob.runtime.tables import adoption

# Shards of up to 900 KiB each. Cases start in the order of their indexes, so each job that starts cases needs one.
_KEPT: Final = 8


class CaseTables:
    """Read cases, with a cache of the last few shards."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._shards: OrderedDict[tuple[str, str], list[str]] = OrderedDict()
        # Many cases of a shard are requested at the same time; the first request reads it.
        self._reading = asyncio.Lock()

    async def case(self, job: SimulationJob, index: int) -> Case:
        """Return a case; raise DamagedTableError if its ConfigMap is missing or has changed."""
        if not job.spec.needs_table:
            return job.spec.case(index)
        table = job.status.case_table
        if table is None:
            raise DamagedTableError("`status.caseTable` is missing")
        name = tableshards.shard_of(table.config_maps, index)
        try:
            return tableshards.find(await self._shard(job, name), index)
        except DamagedTableError as damaged:
            raise DamagedTableError(f'ConfigMap "{name}": {damaged}') from damaged

    async def _shard(self, job: SimulationJob, name: str) -> list[str]:
        key = job.metadata.uid, name
        if key not in self._shards:
            # Only a cache miss takes the lock: a hit does not wait for another job's read.
            async with self._reading:
                if key not in self._shards:
                    self._shards[key] = await read_shard(self._cluster, job, name)
                    if len(self._shards) > _KEPT:
                        self._shards.popitem(last=False)
        self._shards.move_to_end(key)
        return self._shards[key]


async def read_shard(cluster: Cluster, job: SimulationJob, name: str) -> list[str]:
    """Return the lines of a shard; raise DamagedTableError if it is missing or not of this SimulationJob's table."""
    try:
        found = await cluster.get_config_map(job.metadata.namespace, name)
    except NotFoundError as missing:
        raise DamagedTableError("it was deleted, and the cases are stored nowhere else") from missing
    if names.CASES_KEY not in found.data or await adoption.claim(cluster, job, name, found) is None:
        raise DamagedTableError("it has another owner, or holds the cases of another SimulationJob")
    return tableshards.lines(found.data[names.CASES_KEY])
