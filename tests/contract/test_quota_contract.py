"""What a quota counts, in FakeCluster and on a real API server."""

import asyncio

import pytest
from contract.given import make_job, make_pod
from contract.worlds import World
from simjob.api.simulationjob import SimulationJob
from simjob.core.facts.pods import PodFact
from simjob.runtime.client.errors import ForbiddenError, ObjectQuotaError
from simjob.runtime.cluster.calls import Cluster


async def make_first_pod(cluster: Cluster, sweep: SimulationJob) -> PodFact:
    return await make_pod(cluster, await make_job(cluster, sweep))


async def recounted(cluster: Cluster, sweep: SimulationJob, index: int) -> None:
    """Create a Job as soon as the quota has been counted again."""
    async with asyncio.timeout(30):
        while True:
            try:
                await make_job(cluster, sweep, index)
            except ObjectQuotaError:
                await asyncio.sleep(0.2)
            else:
                return


async def test_a_quota_of_jobs_counts_them_until_they_are_deleted(
    cluster: Cluster, world: World, sweep: SimulationJob
) -> None:
    await world.limit(count__jobs_batch=1)
    first = await make_job(cluster, sweep)
    with pytest.raises(ObjectQuotaError, match=r"exceeded quota: q, requested: count/jobs\.batch=1,"):
        await make_job(cluster, sweep, 1)
    await cluster.delete_job(first.fact.namespace, first.fact.name, first.fact.uid)
    await recounted(cluster, sweep, 1)


async def test_an_object_quota_of_pods_counts_ended_pods(cluster: Cluster, world: World, sweep: SimulationJob) -> None:
    await world.limit(count__pods=1)
    pod = await make_first_pod(cluster, sweep)
    await world.set_status(pod.namespace, pod.name, phase="Succeeded")
    second = await make_job(cluster, sweep, 1)
    with pytest.raises(ObjectQuotaError, match="requested: count/pods=1"):
        await make_pod(cluster, second)


async def test_a_pods_quota_counts_only_live_pods_and_is_no_object_quota(
    cluster: Cluster, world: World, sweep: SimulationJob
) -> None:
    await world.limit(pods=1)
    pod = await make_first_pod(cluster, sweep)
    second = await make_job(cluster, sweep, 1)
    with pytest.raises(ForbiddenError, match="exceeded quota: q, requested: pods=1") as caught:
        await make_pod(cluster, second)
    assert not isinstance(caught.value, ObjectQuotaError)
    await world.set_status(pod.namespace, pod.name, phase="Succeeded")
    async with asyncio.timeout(30):
        while True:
            try:
                await make_pod(cluster, second)
            except ForbiddenError:
                await asyncio.sleep(0.2)
            else:
                return
