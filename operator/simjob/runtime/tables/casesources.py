"""Read cases that the spec does not contain: from a design, from the user's table, or from another job.

They come as shards, one at a time, so that a hundred thousand cases are never in memory at once.
"""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from simjob.api.simulationjob import SimulationJob
from simjob.api.spec import RerunOf
from simjob.api.sweep.ranges import Ranges
from simjob.api.sweep.samples import Samples
from simjob.core.cases import designpoints, tableshards
from simjob.runtime.cluster.calls import Cluster
from simjob.runtime.subprocesses.childprocess import Helpers
from simjob.runtime.tables import opentable, reruns
from simjob.runtime.tables.configmaptable import UserTables
from simjob.runtime.tables.designs import Designs
from simjob.runtime.tables.opentable import Table


class CaseSources:
    """Read cases from any source."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        helpers = Helpers()
        self._designs = Designs(helpers)
        self._user_tables = UserTables(cluster, helpers)

    def opened(self, job: SimulationJob) -> AbstractAsyncContextManager[Table]:
        """Give the table of a job that needs one; raise NoCasesError, at once or while its shards are read."""
        cases, uid, name = job.spec.cases, job.metadata.uid, job.metadata.name
        if job.spec.rerun_of is not None:
            return self._rerun(job, job.spec.rerun_of)
        if cases is not None and cases.samples is not None:
            return self._drawn(cases.samples, uid, Ranges.span(cases.samples.size), name)
        if cases is not None and cases.config_map is not None:
            return self._user_tables.opened(job, cases.config_map)
        raise AssertionError("the spec itself contains the cases")

    @asynccontextmanager
    async def _drawn(self, samples: Samples, uid: str, indexes: Ranges, salt: str) -> AsyncIterator[Table]:
        """Draw a design. `uid` is the uid of the job that describes it; the seed may depend on it."""
        seed = designpoints.seed_of(samples, uid)
        async with self._designs.drawn(samples, seed, indexes) as (digest, shards):
            yield Table(digest=tableshards.digest(salt, digest), indexes=indexes, shards=shards)

    @asynccontextmanager
    async def _rerun(self, job: SimulationJob, rerun: RerunOf) -> AsyncIterator[Table]:
        old = await reruns.finished(self._cluster, job, rerun)
        indexes = reruns.ended(old, rerun)
        name, before = job.metadata.name, old.metadata.uid
        spec, table = old.spec, old.status.case_table
        if table is None and spec.cases is not None and spec.cases.samples is not None:
            # It ended before its design was stored, so draw it again; the seed may depend on its uid.
            async with self._drawn(spec.cases.samples, before, indexes, name) as drawn:
                yield drawn
            return
        digest = tableshards.digest(name, before, str(indexes))
        if table is not None:
            shards = reruns.selected(self._cluster, old, indexes)
            yield Table(digest=digest, indexes=indexes, shards=shards, columns=table.columns)
        else:
            shards = opentable.made(tableshards.pack(spec.case(at) for at in indexes))
            yield Table(digest=digest, indexes=indexes, shards=shards)
