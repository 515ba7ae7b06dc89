"""What FakeCluster and a real API server both do with Jobs; the real one with the marker integration."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from contract.given import make_job, make_sweep
from contract.worlds import World
from given.builders import a_job
from simjob.api.schema import format_time
from simjob.api.simulationjob import SimulationJob
from simjob.core.children import jobandpod
from simjob.core.facts import childnames
from simjob.core.facts.jobs import JobFact
from simjob.runtime.client.errors import AlreadyExistsError, ConflictError, InvalidError, NotFoundError
from simjob.runtime.cluster.calls import Cluster

NOW = format_time(datetime.now(UTC))
STRANGER = "0b0c4fd2-5f39-4c0e-9a05-00000000dead"


def a_condition(type_: str) -> dict[str, str]:
    return {"type": type_, "status": "True", "reason": "Because", "lastTransitionTime": NOW, "lastProbeTime": NOW}


def ended(*types: str, **status: Any) -> dict[str, Any]:
    return {"active": 0, "ready": 0, "startTime": NOW, "conditions": [a_condition(t) for t in types], **status}


class TestJobs:
    async def test_a_new_job_comes_back_with_uid_and_owner(self, cluster: Cluster, sweep: SimulationJob) -> None:
        fact = (await make_job(cluster, sweep, 2)).fact
        assert fact.uid
        assert fact.version > 0
        assert (fact.index, fact.restarts, fact.owner_uid, fact.owner_name) == (
            2,
            0,
            sweep.metadata.uid,
            sweep.metadata.name,
        )
        assert (fact.suspended, fact.succeeded, fact.active) == (False, None, 0)

    async def test_the_template_has_the_labels_of_the_selector(self, cluster: Cluster, sweep: SimulationJob) -> None:
        stored = await make_job(cluster, sweep)
        labels = msgspec.json.decode(stored.template)["metadata"]["labels"]
        assert labels["batch.kubernetes.io/controller-uid"] == stored.fact.uid
        assert labels["batch.kubernetes.io/job-name"] == stored.fact.name
        assert labels["simjob.dev/uid"] == sweep.metadata.uid

    async def test_a_new_job_shows_who_manages_it(self, cluster: Cluster, sweep: SimulationJob) -> None:
        template = sweep.spec.template.to_api(as_given=True)
        raw = msgspec.json.decode(jobandpod.render_job(sweep, template, sweep.spec.case(0), 0))
        ours = await cluster.create_job(sweep.metadata.namespace, msgspec.json.encode(raw))
        del raw["spec"]["managedBy"]
        raw["metadata"]["name"] = childnames.job_name(sweep.metadata.name, sweep.metadata.uid, 0, 1)
        native = await cluster.create_job(sweep.metadata.namespace, msgspec.json.encode(raw))
        assert (ours.fact.managed, native.fact.managed) == (True, False)

    async def test_a_second_job_of_the_name_already_exists(self, cluster: Cluster, sweep: SimulationJob) -> None:
        await make_job(cluster, sweep)
        with pytest.raises(AlreadyExistsError):
            await make_job(cluster, sweep)

    async def test_a_missing_namespace_is_not_found(self, cluster: Cluster) -> None:
        lost = a_job(metadata={"namespace": "not-there"})
        with pytest.raises(NotFoundError):
            await make_job(cluster, lost)

    async def test_a_job_whose_pods_always_restart_is_invalid(self, cluster: Cluster, sweep: SimulationJob) -> None:
        template = {"spec": {"containers": [{"name": "c", "image": "i"}], "restartPolicy": "Always"}}
        body = msgspec.json.decode(
            jobandpod.render_job(sweep, sweep.spec.template.to_api(as_given=True), sweep.spec.case(0), 0)
        )
        body["spec"]["template"] = template
        with pytest.raises(InvalidError):
            await cluster.create_job(sweep.metadata.namespace, msgspec.json.encode(body))

    async def test_a_job_that_a_queue_suspends_and_admits(
        self, cluster: Cluster, world: World, sweep: SimulationJob
    ) -> None:
        made = (await make_job(cluster, sweep)).fact
        states = []
        for suspend in (True, False):
            await world.suspend_job(made.namespace, made.name, suspend=suspend)
            found = (await cluster.get_job(made.namespace, made.name)).fact
            states.append((found.suspended, found.queued))
        assert states == [(True, True), (False, False)], "its status does not say yet that it was suspended"

    async def test_a_job_is_found_unchanged(self, cluster: Cluster, sweep: SimulationJob) -> None:
        stored = await make_job(cluster, sweep)
        found = await cluster.get_job(stored.fact.namespace, stored.fact.name)
        assert found.fact.uid == stored.fact.uid
        assert msgspec.json.decode(found.template) == msgspec.json.decode(stored.template)

    async def test_a_missing_job_is_not_found(self, cluster: Cluster, world: World) -> None:
        with pytest.raises(NotFoundError):
            await cluster.get_job(world.namespace, "not-there")

    async def test_annotations_are_merged_and_null_removes_one(self, cluster: Cluster, sweep: SimulationJob) -> None:
        job = (await make_job(cluster, sweep)).fact
        both = {"simjob.dev/attempt": "3", "simjob.dev/failed": "2"}
        fact = await cluster.annotate_job(job.namespace, job.name, job.uid, both)
        assert (fact.attempt, fact.failed) == (3, 2)
        fact = await cluster.annotate_job(job.namespace, job.name, job.uid, {"simjob.dev/failed": None})
        assert (fact.attempt, fact.failed) == (3, 0)
        assert fact.version > job.version

    async def test_a_job_with_another_uid_is_not_annotated(self, cluster: Cluster, sweep: SimulationJob) -> None:
        job = (await make_job(cluster, sweep)).fact
        with pytest.raises(ConflictError):
            await cluster.annotate_job(job.namespace, job.name, STRANGER, {"simjob.dev/attempt": "1"})

    async def test_a_missing_job_is_not_annotated(self, cluster: Cluster, world: World) -> None:
        with pytest.raises(NotFoundError):
            await cluster.annotate_job(world.namespace, "not-there", STRANGER, {"simjob.dev/attempt": "1"})

    async def test_jobs_of_one_simulationjob_are_listed(
        self, cluster: Cluster, world: World, sweep: SimulationJob
    ) -> None:
        made = {(await make_job(cluster, sweep, index)).fact.uid for index in range(2)}
        await make_job(cluster, await make_sweep(world))
        found = await cluster.list_jobs(sweep.metadata.namespace, sweep.metadata.uid)
        assert {job.uid for job in found} == made

    async def test_a_deleted_job_is_gone(self, cluster: Cluster, sweep: SimulationJob) -> None:
        job = (await make_job(cluster, sweep)).fact
        await cluster.delete_job(job.namespace, job.name, job.uid)
        with pytest.raises(NotFoundError):
            await cluster.get_job(job.namespace, job.name)
        await cluster.delete_job(job.namespace, job.name, job.uid)

    async def test_a_job_with_another_uid_is_not_deleted(self, cluster: Cluster, sweep: SimulationJob) -> None:
        job = (await make_job(cluster, sweep)).fact
        await cluster.delete_job(job.namespace, job.name, STRANGER)
        assert (await cluster.get_job(job.namespace, job.name)).fact.uid == job.uid


class TestJobStatus:
    @pytest.fixture
    async def job(self, cluster: Cluster, sweep: SimulationJob) -> JobFact:
        return (await make_job(cluster, sweep)).fact

    async def test_a_running_job_shows_its_active_pod(self, cluster: Cluster, job: JobFact) -> None:
        status = {"active": 1, "ready": 1, "startTime": NOW}
        fact = await cluster.write_job_status(job.namespace, job.name, job.uid, status)
        assert (fact.active, fact.ready, fact.succeeded) == (1, 1, None)
        assert fact.started

    async def test_success_takes_one_write(self, cluster: Cluster, job: JobFact) -> None:
        status = ended("SuccessCriteriaMet", "Complete", succeeded=1, completionTime=NOW)
        fact = await cluster.write_job_status(job.namespace, job.name, job.uid, status)
        assert fact.succeeded is True
        assert fact.finished_at

    async def test_failure_takes_one_write(self, cluster: Cluster, job: JobFact) -> None:
        status = ended("FailureTarget", "Failed", failed=1)
        fact = await cluster.write_job_status(job.namespace, job.name, job.uid, status)
        assert fact.succeeded is False
        assert fact.status_failed == 1

    async def test_success_after_running_takes_one_write(self, cluster: Cluster, job: JobFact) -> None:
        running = {"active": 1, "ready": 1, "startTime": NOW}
        await cluster.write_job_status(job.namespace, job.name, job.uid, running)
        status = ended("SuccessCriteriaMet", "Complete", succeeded=1, completionTime=NOW)
        assert (await cluster.write_job_status(job.namespace, job.name, job.uid, status)).succeeded

    @pytest.mark.parametrize(
        "status",
        [
            pytest.param(ended("Complete", succeeded=1, completionTime=NOW), id="Complete without SuccessCriteriaMet"),
            pytest.param(ended("SuccessCriteriaMet", "Complete", succeeded=1), id="Complete without completionTime"),
            pytest.param(ended("Failed", failed=1), id="Failed without FailureTarget"),
            pytest.param(ended("FailureTarget", "Failed", failed=1, active=1), id="Failed with an active pod"),
            pytest.param(ended("FailureTarget", "Failed", failed=1, startTime=None), id="Failed without startTime"),
            pytest.param({"active": 1, "startTime": NOW, "completionTime": NOW}, id="completionTime without Complete"),
        ],
    )
    async def test_a_contradictory_end_is_invalid(self, cluster: Cluster, job: JobFact, status: dict[str, Any]) -> None:
        with pytest.raises(InvalidError):
            await cluster.write_job_status(job.namespace, job.name, job.uid, status)

    async def test_an_end_cannot_be_withdrawn(self, cluster: Cluster, job: JobFact) -> None:
        status = ended("FailureTarget", "Failed", failed=1)
        await cluster.write_job_status(job.namespace, job.name, job.uid, status)
        with pytest.raises(InvalidError):
            await cluster.write_job_status(job.namespace, job.name, job.uid, {"conditions": []})

    async def test_a_job_with_another_uid_is_not_written(self, cluster: Cluster, job: JobFact) -> None:
        with pytest.raises(ConflictError):
            await cluster.write_job_status(job.namespace, job.name, STRANGER, {"active": 1, "startTime": NOW})
