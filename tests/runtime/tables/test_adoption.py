"""ConfigMaps of an earlier SimulationJob of the same name are adopted, and no others."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from given.builders import a_job_dict
from simjob.api import simulationjob
from simjob.api.simulationjob import SimulationJob
from simjob.core.children import configmaps
from simjob.runtime.client.errors import ConflictError, ForbiddenError, UnavailableError
from simjob.runtime.client.key import Key
from simjob.runtime.cluster.calls import ConfigMap
from simjob.runtime.cluster.events import Recorder
from simjob.runtime.tables import adoption
from simjob.runtime.tables.adoption import Adoption
from worlds.fakes import FakeCluster
from worlds.virtualtime import VirtualTimeLoop

LOOP = VirtualTimeLoop
NAMES = ("sweep-cases-0", "sweep-cases-5", "sweep-results-0")
STATUS = {
    "startTime": "2020-01-01T00:00:00Z",
    "caseTable": {"configMaps": ["sweep-cases-0", "sweep-cases-5"]},
    "results": {"configMaps": ["sweep-results-0"]},
}


class Bench:
    """A SimulationJob that was created again, and the ConfigMaps that the first one left."""

    def __init__(self) -> None:
        self.cluster = FakeCluster()
        self.recorder = Recorder(self.cluster, lambda: datetime(2030, 1, 1, tzinfo=UTC))
        self.adoption = Adoption(self.cluster, self.recorder)

    async def created_again(self, status: dict[str, Any] | None = None, **spec: Any) -> SimulationJob:
        first = self.applied()
        for name in NAMES:
            body = configmaps.render(first, name, "x", "k", "text", immutable=False)
            await self.cluster.create_config_map("default", body)
        self.cluster.remove("simulationjobs", "default", "sweep")
        self.cluster.disown("configmaps", "default")
        again = self.applied(**spec)
        version = again.metadata.resource_version
        await self.cluster.patch_simulationjob_status("default", "sweep", version, STATUS if status is None else status)
        return self.applied(**spec)

    def applied(self, **spec: Any) -> SimulationJob:
        job = simulationjob.parse(self.cluster.apply(a_job_dict(**spec)))
        assert isinstance(job, SimulationJob)
        return job

    async def claim(self, job: SimulationJob, name: str = NAMES[0], **how: Any) -> ConfigMap | None:
        found = await self.cluster.get_config_map("default", name)
        return await adoption.claim(self.cluster, job, name, found, **how)

    async def look(self, job: SimulationJob, seconds: float = 1) -> None:
        """Show this state of the job to the adoption, and wait."""
        self.adoption.look(Key("default", job.metadata.uid), job)
        await asyncio.sleep(seconds)

    async def owners(self) -> list[str]:
        return [(await self.cluster.get_config_map("default", name)).owner_uid for name in NAMES]


@pytest.fixture
async def bench() -> Bench:
    return Bench()


async def test_configmaps_for_the_same_cases_are_adopted(bench: Bench) -> None:
    job = await bench.created_again(status={})
    found = await bench.claim(job)
    assert found is not None
    assert (found.owner_uid, found.labels["simjob.dev/uid"], found.data) == (job.metadata.uid,) * 2 + ({"k": "text"},)
    assert await bench.claim(job) == found


async def test_configmaps_for_other_cases_are_not_adopted(bench: Bench) -> None:
    job = await bench.created_again(cases={"count": 99})
    assert await bench.claim(job) is None
    assert await bench.owners() == ["", "", ""]
    assert (await bench.claim(job, same_content=True)) is not None, "its content was compared"


async def test_a_deleted_job_adopts_nothing_from_its_successor(bench: Bench) -> None:
    first = await bench.created_again()
    bench.cluster.remove("simulationjobs", "default", "sweep")
    second = bench.applied()
    assert await bench.claim(second) is not None
    with pytest.raises(ConflictError):
        await bench.claim(first)
    assert (await bench.owners())[0] == second.metadata.uid


async def test_every_configmap_named_in_a_restored_status_is_adopted_once(bench: Bench) -> None:
    job = await bench.created_again()
    await bench.look(job)
    assert await bench.owners() == [job.metadata.uid] * 3
    bench.cluster.calls.clear()
    await bench.look(job)
    assert bench.cluster.calls == []


async def test_only_new_names_in_a_status_are_read(bench: Bench) -> None:
    job = await bench.created_again({**STATUS, "results": {"configMaps": []}})
    await bench.look(job)
    await bench.cluster.patch_simulationjob_status("default", "sweep", job.metadata.resource_version, STATUS)
    more = bench.applied()
    bench.cluster.calls.clear()
    await bench.look(more)
    assert bench.cluster.calls.count("get_config_map") == 1
    assert await bench.owners() == [job.metadata.uid] * 3


async def test_a_failed_adoption_is_retried(bench: Bench) -> None:
    job = await bench.created_again()
    bench.cluster.refuse("write_config_map", UnavailableError("no answer"))
    await bench.look(job)
    assert await bench.owners() == ["", job.metadata.uid, job.metadata.uid]
    await asyncio.sleep(60)
    assert await bench.owners() == [job.metadata.uid] * 3


async def test_a_configmap_restored_after_the_status_is_adopted_without_a_restart(bench: Bench) -> None:
    job = await bench.created_again()
    bench.cluster.remove("configmaps", "default", NAMES[0])
    await bench.look(job, 100)
    body = configmaps.render(job, NAMES[0], "x", "k", "text", immutable=False)
    await bench.cluster.create_config_map("default", body)
    bench.cluster.disown("configmaps", "default")
    await asyncio.sleep(300)
    assert (await bench.owners())[0] == job.metadata.uid


async def test_a_missing_configmap_is_looked_up_for_an_hour(bench: Bench) -> None:
    job = await bench.created_again()
    bench.cluster.remove("configmaps", "default", NAMES[0])
    bench.cluster.calls.clear()
    await bench.look(job, 24 * 3600)
    assert 8 <= bench.cluster.calls.count("get_config_map") - 2 <= 12
    await bench.recorder.flush()
    assert bench.cluster.events == []


async def test_a_refused_adoption_backs_off_and_emits_one_event(bench: Bench) -> None:
    job = await bench.created_again()
    bench.cluster.refuse("write_config_map", *[ForbiddenError("no permission to delete", code=403)] * 90)
    bench.cluster.calls.clear()
    await bench.look(job, 3600)
    assert bench.cluster.calls.count("write_config_map") == 3 * 10, "after 0, 30, 90, 210, 450, 930, 1530, … seconds"
    await bench.recorder.flush()
    (event,) = bench.cluster.events
    assert (event.reason, event.type, event.name) == ("AdoptionRefused", "Warning", "sweep")
    assert event.note.startswith('ConfigMap "sweep-cases-0" (and 2 more) of an earlier SimulationJob is not adopted')
    assert "deleted with their old owner" in event.note
    assert event.note.endswith("no permission to delete")
    bench.adoption.close()


async def test_the_jobs_own_status_causes_no_lookup(bench: Bench) -> None:
    job = await bench.created_again({**STATUS, "startTime": "2030-01-01T00:00:00Z"})
    bench.cluster.calls.clear()
    await bench.look(job)
    assert bench.cluster.calls == []
