"""What FakeCluster and a real API server both do with pods and SimulationJobs."""

from contextlib import suppress
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

import pytest
from contract.given import make_job, make_pod, make_sweep
from contract.worlds import World
from given.kueue import NO_QUEUE, a_workload
from simjob.api.simulationjob import SimulationJob
from simjob.core.facts.pods import PodState
from simjob.runtime.client.errors import (
    AlreadyExistsError,
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    UnavailableError,
)
from simjob.runtime.cluster.calls import Cluster, Event, StoredJob

STRANGER = "0b0c4fd2-5f39-4c0e-9a05-00000000dead"


class TestPods:
    @pytest.fixture
    async def job(self, cluster: Cluster, sweep: SimulationJob) -> StoredJob:
        return await make_job(cluster, sweep)

    async def test_a_new_pod_waits_for_a_node(self, cluster: Cluster, job: StoredJob) -> None:
        pod = await make_pod(cluster, job)
        assert (pod.index, pod.attempt, pod.job_uid, pod.owner_uid) == (0, 0, job.fact.uid, job.fact.owner_uid)
        assert pod.state is PodState.PENDING
        assert pod.live

    async def test_a_second_pod_of_the_name_already_exists(self, cluster: Cluster, job: StoredJob) -> None:
        await make_pod(cluster, job)
        with pytest.raises(AlreadyExistsError):
            await make_pod(cluster, job)

    async def test_a_pod_is_found(self, cluster: Cluster, job: StoredJob) -> None:
        pod = await make_pod(cluster, job)
        assert (await cluster.get_pod(pod.namespace, pod.name)).uid == pod.uid

    async def test_the_events_of_one_pod_are_listed(self, cluster: Cluster, world: World, job: StoredJob) -> None:
        pod = await make_pod(cluster, job)
        other = await make_pod(cluster, await make_job(cluster, await make_sweep(world)))
        assert not await cluster.list_pod_events(pod.namespace, pod.uid)
        await world.tell_of_pod(pod.namespace, pod.name, "FailedMount", 'secret "licence" not found')
        [event] = await cluster.list_pod_events(pod.namespace, pod.uid)
        assert (event.warning, event.reason, event.message) == (True, "FailedMount", 'secret "licence" not found')
        assert not await cluster.list_pod_events(other.namespace, other.uid)

    async def test_workloads_are_found_by_the_uids_of_their_jobs(self, cluster: Cluster, world: World) -> None:
        with pytest.raises(UnavailableError) as missing:
            await cluster.list_workloads(world.namespace, ["job-1"])
        assert missing.value.code == HTTPStatus.NOT_FOUND
        async with world.serving_workloads():
            assert not await cluster.list_workloads(world.namespace, ["job-1"])
            for uid in ("job-1", "job-2", "job-3"):
                await world.make_workload(a_workload(uid, active=False, QuotaReserved=NO_QUEUE))
            found = await cluster.list_workloads(world.namespace, ["job-1", "job-3", "job-4"])
            assert sorted(workload.of for workload in found) == ["job-1", "job-3"]
            [condition] = found[0].status.conditions
            assert (found[0].spec.active, condition.status, condition.message) == (False, "False", NO_QUEUE[1])

    async def test_a_missing_pod_is_not_found(self, cluster: Cluster, world: World) -> None:
        with pytest.raises(NotFoundError):
            await cluster.get_pod(world.namespace, "not-there")

    async def test_a_running_pod_is_asked_to_stop_and_stays_for_its_grace_period(
        self, cluster: Cluster, world: World, job: StoredJob
    ) -> None:
        pod = await make_pod(cluster, job)
        await world.bind(pod.namespace, pod.name)
        stopping = await cluster.delete_pod(pod.namespace, pod.name, pod.uid)
        assert stopping
        assert (stopping.uid, stopping.terminating, stopping.stopped) == (pod.uid, True, True)
        assert stopping.live
        assert (await cluster.get_pod(pod.namespace, pod.name)).terminating

    async def test_a_pod_without_a_node_is_deleted_at_once(self, cluster: Cluster, job: StoredJob) -> None:
        pod = await make_pod(cluster, job)
        assert await cluster.delete_pod(pod.namespace, pod.name, pod.uid)
        with pytest.raises(NotFoundError):
            await cluster.get_pod(pod.namespace, pod.name)
        assert await cluster.delete_pod(pod.namespace, pod.name, pod.uid) is None

    async def test_an_ended_pod_is_deleted_at_once_and_was_not_stopped(
        self, cluster: Cluster, world: World, job: StoredJob
    ) -> None:
        pod = await make_pod(cluster, job)
        await world.bind(pod.namespace, pod.name)
        await world.set_status(pod.namespace, pod.name, phase="Succeeded")
        last = await cluster.delete_pod(pod.namespace, pod.name, pod.uid)
        assert last
        assert (last.state, last.stopped) == (PodState.SUCCEEDED, False)
        with pytest.raises(NotFoundError):
            await cluster.get_pod(pod.namespace, pod.name)

    async def test_a_pod_with_another_uid_is_not_deleted(self, cluster: Cluster, job: StoredJob) -> None:
        pod = await make_pod(cluster, job)
        assert await cluster.delete_pod(pod.namespace, pod.name, STRANGER) is None
        assert not (await cluster.get_pod(pod.namespace, pod.name)).terminating

    async def test_the_deadline_of_a_pod_can_be_lowered_and_not_raised(self, cluster: Cluster, job: StoredJob) -> None:
        pod = await make_pod(cluster, job)
        assert (await cluster.limit_pod(pod.namespace, pod.name, pod.uid, 60)).deadline == 60
        limited = await cluster.limit_pod(pod.namespace, pod.name, pod.uid, 30)
        assert limited.deadline == 30
        assert limited.version > pod.version
        with pytest.raises(InvalidError):
            await cluster.limit_pod(pod.namespace, pod.name, pod.uid, 31)

    async def test_a_pod_with_another_uid_gets_no_deadline(self, cluster: Cluster, job: StoredJob) -> None:
        pod = await make_pod(cluster, job)
        with pytest.raises(ConflictError):
            await cluster.limit_pod(pod.namespace, pod.name, STRANGER, 60)
        with pytest.raises(NotFoundError):
            await cluster.limit_pod(pod.namespace, "not-there", pod.uid, 60)

    async def test_pods_of_one_simulationjob_are_listed_all_or_the_live_ones(
        self, cluster: Cluster, world: World, sweep: SimulationJob
    ) -> None:
        pods = [await make_pod(cluster, await make_job(cluster, sweep, index)) for index in range(3)]
        await world.set_status(pods[0].namespace, pods[0].name, phase="Succeeded")
        await world.set_status(pods[1].namespace, pods[1].name, phase="Failed")
        listed = await cluster.list_pods(pods[0].namespace, sweep.metadata.uid, live_only=False)
        live = await cluster.list_pods(pods[0].namespace, sweep.metadata.uid, live_only=True)
        assert {pod.name for pod in listed} == {pod.name for pod in pods}
        assert [pod.name for pod in live] == [pods[2].name]
        assert await cluster.list_pods(pods[0].namespace, "another1", live_only=False) == []


class TestSimulationJobs:
    @pytest.fixture
    async def raw(self, world: World) -> dict[str, Any]:
        return await world.make_simulationjob()

    async def write(self, cluster: Cluster, raw: dict[str, Any], status: dict[str, Any]) -> str:
        meta = raw["metadata"]
        found = await cluster.get_simulationjob(meta["namespace"], meta["name"])
        version = found["metadata"]["resourceVersion"]
        return await cluster.patch_simulationjob_status(meta["namespace"], meta["name"], version, status)

    async def read(self, cluster: Cluster, raw: dict[str, Any]) -> dict[str, Any]:
        return await cluster.get_simulationjob(raw["metadata"]["namespace"], raw["metadata"]["name"])

    async def test_a_missing_simulationjob_is_not_found(self, cluster: Cluster, world: World) -> None:
        with pytest.raises(NotFoundError):
            await cluster.get_simulationjob(world.namespace, "not-there")

    async def test_status_is_merged_and_the_new_version_is_returned(
        self, cluster: Cluster, raw: dict[str, Any]
    ) -> None:
        version = await self.write(cluster, raw, {"phase": "RUNNING", "message": "Running"})
        found = await self.read(cluster, raw)
        assert found["metadata"]["resourceVersion"] == version
        assert found["status"]["phase"] == "RUNNING"
        await self.write(cluster, raw, {"message": None})
        found = await self.read(cluster, raw)
        assert found["status"]["phase"] == "RUNNING"
        assert "message" not in found["status"]

    async def test_a_status_write_with_an_older_version_is_refused(self, cluster: Cluster, raw: dict[str, Any]) -> None:
        await self.write(cluster, raw, {"phase": "RUNNING"})
        meta = raw["metadata"]
        with pytest.raises(ConflictError):
            await cluster.patch_simulationjob_status(
                meta["namespace"], meta["name"], meta["resourceVersion"], {"phase": "PENDING"}
            )

    async def test_a_job_with_a_cancel_cannot_complete(
        self, cluster: Cluster, world: World, raw: dict[str, Any]
    ) -> None:
        await world.cancel(raw)
        with pytest.raises(InvalidError):
            await self.write(cluster, raw, {"phase": "COMPLETED"})

    async def test_a_cancel_after_the_end_changes_no_end(
        self, cluster: Cluster, world: World, raw: dict[str, Any]
    ) -> None:
        await self.write(cluster, raw, {"phase": "COMPLETED"})
        # The CRD accepts it. A policy refuses it, if another test has installed the policies in the same cluster.
        with suppress(ForbiddenError):
            await world.cancel(raw)
        latch = {"requestedAt": "2026-01-02T03:04:05Z"}
        for end in ({"phase": "CANCELLED"}, {"phase": "CANCELLED", "cancellation": latch}, {"cancellation": latch}):
            with pytest.raises(InvalidError):
                await self.write(cluster, raw, end)
        await self.write(cluster, raw, {"phase": "COMPLETED", "message": "Pruned."})
        assert (await self.read(cluster, raw))["status"]["message"] == "Pruned."

    async def test_a_job_with_a_latch_cannot_complete(self, cluster: Cluster, raw: dict[str, Any]) -> None:
        await self.write(cluster, raw, {"phase": "RUNNING"})
        latch = {"requestedAt": "2026-01-02T03:04:05Z"}
        with pytest.raises(InvalidError):
            await self.write(cluster, raw, {"phase": "COMPLETED", "cancellation": latch})

    async def test_a_simulationjob_is_deleted_only_in_the_judged_version(
        self, cluster: Cluster, raw: dict[str, Any]
    ) -> None:
        meta = raw["metadata"]
        namespace, name, uid = meta["namespace"], meta["name"], meta["uid"]
        version = await self.write(cluster, raw, {"phase": "COMPLETED"})
        await cluster.delete_simulationjob(namespace, name, STRANGER, version)
        with pytest.raises(ConflictError):
            await cluster.delete_simulationjob(namespace, name, uid, meta["resourceVersion"])
        assert (await self.read(cluster, raw))["metadata"]["resourceVersion"] == version
        await cluster.delete_simulationjob(namespace, name, uid, version)
        with pytest.raises(NotFoundError):
            await self.read(cluster, raw)
        await cluster.delete_simulationjob(namespace, name, uid, version)

    async def test_an_event_is_accepted(self, cluster: Cluster, raw: dict[str, Any]) -> None:
        meta = raw["metadata"]
        event = Event(
            namespace=meta["namespace"],
            name=meta["name"],
            uid=meta["uid"],
            resource_version=meta["resourceVersion"],
            type="Normal",
            reason="Tested",
            action="Test",
            note="ü" * 1000,
            time=datetime.now(UTC),
        )
        await cluster.create_event(event)
