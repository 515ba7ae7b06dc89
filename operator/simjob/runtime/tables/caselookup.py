"""Gives a case by its index: from the spec, or from the ConfigMaps that the cases were written down in."""

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

# Of up to 900 KiB each. Cases start in the order of their indexes: one for each large job that starts cases now.
_KEPT: Final = 8


class CaseTables:
    """Reads cases, and keeps the few shards that were read last."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._shards: OrderedDict[tuple[str, str], list[str]] = OrderedDict()
        # Many cases of a shard are asked for at the same time; one reads it.
        self._reading = asyncio.Lock()

    async def case(self, job: SimulationJob, index: int) -> Case:
        """Return a case; DamagedTableError if what it is written in is not there, or not as it was."""
        if not job.spec.needs_table:
            return job.spec.case(index)
        table = job.status.case_table
        if table is None:
            raise DamagedTableError("`status.caseTable` is not there")
        name = tableshards.shard_of(table.config_maps, index)
        try:
            return tableshards.find(await self._shard(job, name), index)
        except DamagedTableError as damaged:
            raise DamagedTableError(f'ConfigMap "{name}": {damaged}') from damaged

    async def _shard(self, job: SimulationJob, name: str) -> list[str]:
        key = job.metadata.uid, name
        if key not in self._shards:
            # What is kept does not wait until another job's shard is read.
            async with self._reading:
                if key not in self._shards:
                    self._shards[key] = await read_shard(self._cluster, job, name)
                    if len(self._shards) > _KEPT:
                        self._shards.popitem(last=False)
        self._shards.move_to_end(key)
        return self._shards[key]


async def read_shard(cluster: Cluster, job: SimulationJob, name: str) -> list[str]:
    """Return the lines of a shard of this SimulationJob's table; DamagedTableError if it is not there."""
    try:
        found = await cluster.get_config_map(job.metadata.namespace, name)
    except NotFoundError as missing:
        raise DamagedTableError("it is not there any more, and nothing else says what the cases are") from missing
    if names.CASES_KEY not in found.data or await adoption.claim(cluster, job, name, found) is None:
        raise DamagedTableError("it belongs to something else, or was made for other cases than this SimulationJob's")
    return tableshards.lines(found.data[names.CASES_KEY])
