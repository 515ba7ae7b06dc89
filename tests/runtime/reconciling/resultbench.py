"""A SimulationJob of a fake cluster, and the store of results of one operator process after another."""

import json
from collections.abc import Mapping
from typing import Any

from given.builders import a_job_dict
from given.outcomes import FIELDS, as_fields
from simjob.api import simulationjob
from simjob.api.simulationjob import SimulationJob
from simjob.api.sweep.ranges import Ranges
from simjob.api.sweep.stored import Results
from simjob.core.plan import End, Notice
from simjob.runtime.client.key import Key
from simjob.runtime.reconciling.resultstore import ResultStore
from simjob.runtime.tables.caselookup import CaseTables
from worlds.fakes import FakeCluster


def an_end(index: int, result: str = "1", **end: Any) -> End:
    return End(**{"index": index, "name": str(index), "succeeded": True, "result": result, **end})


class Bench:
    """A SimulationJob of a fake cluster, and the store of one operator process after another."""

    def __init__(self) -> None:
        self.cluster = FakeCluster()
        self.cluster.apply(a_job_dict(cases={"count": 3000}))
        self.restart()

    def restart(self) -> None:
        self.store = ResultStore(self.cluster, CaseTables(self.cluster))

    @property
    def key(self) -> Key:
        return Key("default", self.job.metadata.uid)

    @property
    def job(self) -> SimulationJob:
        job = simulationjob.parse(next(self.cluster.objects("simulationjobs")))
        assert isinstance(job, SimulationJob)
        return job

    async def save(self, *ends: End, last: bool = False) -> tuple[Results | None, tuple[Notice, ...]]:
        return await self.store.save(self.key, self.job, ends, last=last)

    async def record(self, *ends: End) -> None:
        """Save, and write the matching status."""
        found, told = await self.save(*ends)
        assert ([notice.reason for notice in told if notice.reason != "ResultsTruncated"], found is not None) == (
            [],
            True,
        )
        succeeded = str(self.job.status.outcomes.succeeded.union(Ranges.of(end.index for end in ends)))
        status = {"results": found.to_api() if found else None, "succeededIndexes": succeeded}
        version = self.job.metadata.resource_version
        await self.cluster.patch_simulationjob_status("default", "sweep", version, status)

    async def edit(self, *, outcomes: Mapping[str, str] | None = None, **status: Any) -> None:
        """Change the status, as `kubectl edit --subresource=status` does; `outcomes` are all there are then."""
        if outcomes is not None:
            status |= {**dict.fromkeys(FIELDS), **as_fields(outcomes), "ledger": None}
        version = self.job.metadata.resource_version
        await self.cluster.patch_simulationjob_status("default", "sweep", version, status)

    def orphan(self) -> None:
        """Delete the SimulationJob as `kubectl delete --cascade=orphan` does."""
        self.cluster.remove("simulationjobs", "default", "sweep")
        self.cluster.disown("configmaps", "default")

    @property
    def table(self) -> dict[str, list[int]]:
        shards = {raw["metadata"]["name"]: raw["data"] for raw in self.cluster.objects("configmaps")}
        rows = {name: data.get("results.jsonl", "").split("\n") for name, data in shards.items()}
        return {name: [json.loads(row)["index"] for row in found if row] for name, found in rows.items()}
