"""Find the cases of another SimulationJob to run again. It must have finished, so that the outcome of each is known."""

import asyncio
from collections.abc import AsyncIterator

from simjob.api import simulationjob
from simjob.api.names import Reason
from simjob.api.simulationjob import SimulationJob
from simjob.api.spec import RerunOf, RerunOutcome
from simjob.api.sweep.ranges import Ranges
from simjob.core.cases import tableshards
from simjob.core.cases.tableshards import DamagedTableError, Shard
from simjob.runtime.client.errors import NotFoundError
from simjob.runtime.cluster.calls import Cluster
from simjob.runtime.tables import caselookup
from simjob.runtime.tables.opentable import NoCasesError


async def finished(cluster: Cluster, job: SimulationJob, rerun: RerunOf) -> SimulationJob:
    """Return the SimulationJob that `rerun` names; raise NoCasesError if it does not exist or has not finished."""
    if rerun.name == job.metadata.name:
        message = "`rerunOf` names the SimulationJob itself: create it under another name, or name another job"
        raise NoCasesError(Reason.RERUN_OF_ITSELF, message, permanent=True)
    try:
        old = simulationjob.parse(await cluster.get_simulationjob(job.metadata.namespace, rerun.name))
    except NotFoundError as missing:
        message = (
            f'there is no SimulationJob "{rerun.name}" to run again; the cases start when it exists and has finished'
        )
        raise NoCasesError(Reason.RERUN_NOT_FOUND, message) from missing
    if not isinstance(old, SimulationJob):
        message = f'SimulationJob "{rerun.name}" cannot be read: {old.message}'
        raise NoCasesError(Reason.CASES_UNREADABLE, message)
    if not old.status.is_terminal:
        phase = old.status.phase or "not started"
        message = f'SimulationJob "{rerun.name}" has not finished (it is {phase}); its cases run again when it has'
        raise NoCasesError(Reason.RERUN_NOT_FINISHED, message)
    if old.indexes is None:
        message = (
            f'SimulationJob "{rerun.name}" ended before its cases were known, so none can run again: '
            "create a SimulationJob with its spec under another name"
        )
        raise NoCasesError(Reason.INVALID_SPEC, message, permanent=True)
    _check_subset(job, old)
    return old


def ended(old: SimulationJob, rerun: RerunOf) -> Ranges:
    """Return the cases whose outcome is one that the rerun selects."""
    outcomes = old.status.outcomes
    failed = outcomes.failed if RerunOutcome.FAILED in rerun.outcomes else Ranges()
    cancelled = outcomes.cancelled if RerunOutcome.CANCELLED in rerun.outcomes else Ranges()
    return failed.union(cancelled).intersection(old.selection)


async def selected(cluster: Cluster, old: SimulationJob, indexes: Ranges) -> AsyncIterator[Shard]:
    """Yield shards with these cases of the old table; raise NoCasesError if its ConfigMaps are missing or damaged."""
    for name in old.status.case_table.config_maps if old.status.case_table else ():
        try:
            lines = await caselookup.read_shard(cluster, old, name)
            found = await asyncio.to_thread(tableshards.select, lines, indexes)
        except DamagedTableError as damaged:
            message = f'cannot read the cases of SimulationJob "{old.metadata.name}" in ConfigMap "{name}": {damaged}'
            raise NoCasesError(Reason.CASES_UNREADABLE, message) from damaged
        if found:
            yield found


def _check_subset(job: SimulationJob, old: SimulationJob) -> None:
    wanted, known = job.spec.subset, old.indexes
    if wanted is not None and known is not None and (unknown := wanted.minus(known)):
        index = next(iter(unknown))
        message = f'`subset` names case {index}, which is not one of the {len(known)} cases of "{old.metadata.name}"'
        raise NoCasesError(Reason.INVALID_SPEC, message, permanent=True)
