"""What a test of the contract begins with."""

from contract.worlds import World
from simjob.api import simulationjob
from simjob.api.simulationjob import SimulationJob
from simjob.core.children import jobandpod
from simjob.core.facts.pods import PodFact
from simjob.runtime.cluster.calls import Cluster, StoredJob


async def make_sweep(world: World) -> SimulationJob:
    made = simulationjob.parse(await world.make_simulationjob())
    assert isinstance(made, SimulationJob)
    return made


async def make_job(cluster: Cluster, sweep: SimulationJob, index: int = 0) -> StoredJob:
    body = jobandpod.render_job(sweep, sweep.spec.template.to_api(as_given=True), sweep.spec.case(index), 0)
    return await cluster.create_job(sweep.metadata.namespace, body)


async def make_pod(cluster: Cluster, stored: StoredJob) -> PodFact:
    return await cluster.create_pod(stored.fact.namespace, jobandpod.render_pod(stored.fact, stored.template))
