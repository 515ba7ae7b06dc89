"""What FakeCluster and a real API server both do with children that lose their label, and with copies of pods."""

import asyncio
from collections.abc import Callable, Set

import pytest
from contract.given import make_job, make_pod
from contract.worlds import World
from simjob.api import names
from simjob.api.simulationjob import SimulationJob
from simjob.core.facts import identity
from simjob.core.facts.apiobjects import Pod
from simjob.runtime.client.errors import ConflictError, NotOursError
from simjob.runtime.cluster.calls import Cluster, StoredJob

STRANGER = "0b0c4fd2-5f39-4c0e-9a05-00000000dead"


@pytest.fixture
async def job(cluster: Cluster, sweep: SimulationJob) -> StoredJob:
    return await make_job(cluster, sweep)


async def test_an_unlabelled_pod_is_not_listed_but_found_by_name(
    cluster: Cluster, world: World, job: StoredJob
) -> None:
    pod = await make_pod(cluster, job)
    await world.unlabel("pods", pod.namespace, pod.name)
    assert await cluster.list_pods(pod.namespace, pod.owner_uid, live_only=True) == []
    found = await cluster.get_pod(pod.namespace, pod.name, pod.owner_uid)
    assert (found.uid, found.owner_uid, found.job_uid, found.labelled) == (pod.uid, pod.owner_uid, pod.job_uid, False)
    assert found.version > pod.version


async def test_a_pod_gets_its_label_back(cluster: Cluster, world: World, job: StoredJob) -> None:
    pod = await make_pod(cluster, job)
    await world.unlabel("pods", pod.namespace, pod.name)
    assert (await cluster.label_pod(pod.namespace, pod.name, pod.uid, pod.owner_uid)).labelled
    assert [found.uid for found in await cluster.list_pods(pod.namespace, pod.owner_uid, live_only=True)] == [pod.uid]
    with pytest.raises(ConflictError):
        await cluster.label_pod(pod.namespace, pod.name, STRANGER, pod.owner_uid)


async def test_an_unlabelled_job_is_found_by_name_and_gets_its_label_back(
    cluster: Cluster, world: World, job: StoredJob
) -> None:
    fact = job.fact
    await world.unlabel("jobs", fact.namespace, fact.name)
    assert await cluster.list_jobs(fact.namespace, fact.owner_uid) == []
    assert not (await cluster.get_job(fact.namespace, fact.name)).fact.labelled
    assert (await cluster.label_job(fact.namespace, fact.name, fact.uid, fact.owner_uid)).labelled
    assert [found.uid for found in await cluster.list_jobs(fact.namespace, fact.owner_uid)] == [fact.uid]
    with pytest.raises(ConflictError):
        await cluster.label_job(fact.namespace, fact.name, STRANGER, fact.owner_uid)


async def test_a_copy_of_a_pod_is_not_listed(cluster: Cluster, world: World, job: StoredJob) -> None:
    pod = await make_pod(cluster, job)
    await world.copy_pod(pod.namespace, pod.name, f"{pod.name}-debug")
    for live_only in (True, False):
        listed = await cluster.list_pods(pod.namespace, pod.owner_uid, live_only=live_only)
        assert [found.uid for found in listed] == [pod.uid]


class News:
    """A sink that keeps the last news of each pod."""

    def __init__(self) -> None:
        self.last: dict[str, tuple[str, Pod]] = {}
        self._changed = asyncio.Event()

    def upsert(self, obj: Pod) -> None:
        self.last[obj.metadata.name] = "there", obj
        self._changed.set()

    def delete(self, obj: Pod) -> None:
        self.last[obj.metadata.name] = "gone", obj
        self._changed.set()

    def listed(self, uids: Set[str], version: int) -> None:
        pass

    async def wait(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(30):
            while not holds():
                self._changed.clear()
                await self._changed.wait()


async def test_a_pod_that_loses_its_label_leaves_the_watch_in_its_last_state(
    cluster: Cluster, world: World, job: StoredJob
) -> None:
    news = News()
    async with world.watching_pods(news):
        pod = await make_pod(cluster, job)
        await news.wait(lambda: news.last.get(pod.name, ("", None))[0] == "there")
        await world.unlabel("pods", pod.namespace, pod.name)
        await news.wait(lambda: news.last[pod.name][0] == "gone")
        last = news.last[pod.name][1].metadata
        assert last.labels[names.LABEL_UID] == pod.owner_uid
        assert int(last.resource_version) > pod.version
        assert last.deletion_timestamp is None
        await cluster.label_pod(pod.namespace, pod.name, pod.uid, pod.owner_uid)
        await news.wait(lambda: news.last[pod.name][0] == "there")


async def test_a_pod_deleted_at_once_has_a_grace_period_of_0(cluster: Cluster, world: World, job: StoredJob) -> None:
    news = News()
    async with world.watching_pods(news):
        pod = await make_pod(cluster, job)
        await news.wait(lambda: pod.name in news.last)
        await cluster.delete_pod(pod.namespace, pod.name, pod.uid)
        await news.wait(lambda: news.last[pod.name][0] == "gone")
        last = news.last[pod.name][1].metadata
        assert last.deletion_timestamp is not None
        assert last.deletion_grace_period_seconds == 0


async def test_live_pods_of_an_earlier_namesake_are_listed(
    cluster: Cluster, world: World, sweep: SimulationJob, job: StoredJob
) -> None:
    pod = await make_pod(cluster, job)
    other = await make_pod(cluster, await make_job(cluster, sweep, 1))
    await world.set_status(other.namespace, other.name, phase="Failed")
    name = sweep.metadata.name
    found = await cluster.list_earlier_pods(pod.namespace, name, STRANGER)
    assert [(one.name, one.index) for one in found] == [(pod.name, 0)]
    assert await cluster.list_earlier_pods(pod.namespace, name, sweep.metadata.uid) == []
    assert await cluster.list_earlier_pods(pod.namespace, "another", STRANGER) == []
    await world.unlabel("pods", pod.namespace, pod.name)
    assert await cluster.list_earlier_pods(pod.namespace, name, STRANGER) == []


async def test_only_unlabelled_objects_are_listed(
    cluster: Cluster, world: World, sweep: SimulationJob, job: StoredJob
) -> None:
    other = await make_job(cluster, sweep, 1)
    first, second = await make_pod(cluster, job), await make_pod(cluster, other)
    await world.unlabel("jobs", job.fact.namespace, job.fact.name)
    await world.unlabel("pods", second.namespace, second.name)
    found = await cluster.list_unlabelled(world.namespace)
    (job_meta,), (pod_meta,) = found.jobs, found.pods
    assert (job_meta.uid, pod_meta.uid) == (job.fact.uid, second.uid)
    assert getattr(identity.of_job(job_meta), "owner_uid", None) == first.owner_uid
    assert getattr(identity.of_pod(pod_meta, first.owner_uid), "job_uid", None) == other.fact.uid


async def test_a_job_without_an_owner_exists_and_is_not_ours(cluster: Cluster, world: World, job: StoredJob) -> None:
    await world.disown(job.fact.namespace, job.fact.name)
    with pytest.raises(NotOursError):
        await cluster.get_job(job.fact.namespace, job.fact.name)
