"""Cases are stored once, in the background, and then the key is queued."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from given.builders import NOW, a_job, a_job_dict, a_template_with
from simjob.api import simulationjob
from simjob.api.names import Reason
from simjob.api.simulationjob import SimulationJob
from simjob.api.sweep.ranges import Ranges
from simjob.api.sweep.stored import CaseTable
from simjob.core.observed.preparation import Unprepared
from simjob.runtime.client.errors import ClusterError, ForbiddenError, InvalidError, UnavailableError
from simjob.runtime.client.key import Key
from simjob.runtime.cluster.calls import Cluster
from simjob.runtime.store.workqueue import WorkQueue
from simjob.runtime.subprocesses.childprocess import HelperError
from simjob.runtime.tables import configmaptable, preparing
from simjob.runtime.tables.caselookup import CaseTables
from simjob.runtime.tables.designs import Designs
from simjob.runtime.tables.preparing import Answer, Preparing
from worlds.fakes import FakeCluster
from worlds.virtualtime import VirtualTimeLoop

LOOP = VirtualTimeLoop
JOB = a_job(cases={"configMap": {"name": "table", "key": "t.csv"}})
KEY = Key(JOB.metadata.namespace, JOB.metadata.uid)


class Bench:
    """The tasks that prepare cases, on a cluster with a table."""

    def __init__(self) -> None:
        self.cluster = FakeCluster()
        self.cluster.put_config_map("default", "table", {"t.csv": "mesh\na\nb\n"})
        self.queue = WorkQueue()
        self.preparing = Preparing(self.cluster, self.queue, lambda: NOW)

    async def prepared(self, job: SimulationJob = JOB) -> Answer | None:
        self.preparing.begin(KEY, job, self.preparing.answer(KEY))
        assert await self.queue.get() == KEY
        self.queue.done(KEY)
        return self.preparing.answer(KEY)

    async def table(self, job: SimulationJob = JOB) -> CaseTable:
        table = await self.prepared(job)
        assert isinstance(table, CaseTable)
        return table

    async def refused(self, job: SimulationJob = JOB) -> Unprepared:
        answer = await self.prepared(job)
        assert isinstance(answer, Unprepared)
        return answer

    def stored(self) -> SimulationJob:
        job = simulationjob.parse(next(self.cluster.objects("simulationjobs")))
        assert isinstance(job, SimulationJob)
        return job

    def shards(self) -> list[dict[str, Any]]:
        return [raw for raw in self.cluster.objects("configmaps") if raw.get("immutable")]


@pytest.fixture
async def bench() -> Bench:
    return Bench()


async def test_a_second_preparation_finds_the_stored_shards(bench: Bench) -> None:
    table = await bench.table()
    names = [shard["metadata"]["name"] for shard in bench.shards()]
    assert (list(table.config_maps), table.indexes) == (names, Ranges.span(2))
    assert await bench.prepared() == table
    assert len(bench.shards()) == 1


async def test_a_preparation_under_way_is_not_started_again(bench: Bench) -> None:
    bench.preparing.begin(KEY, JOB, bench.preparing.answer(KEY))
    bench.preparing.begin(KEY, JOB, bench.preparing.answer(KEY))
    await bench.queue.get()
    assert bench.cluster.calls == ["get_config_map", "create_config_map"]


async def test_an_answer_is_kept_if_a_pass_runs_at_the_moment_it_is_ready(bench: Bench) -> None:
    for steps in range(10):
        bench.preparing.begin(KEY, JOB, None)
        for _ in range(steps):
            await asyncio.sleep(0)
        bench.preparing.begin(KEY, JOB, None)
        assert await bench.queue.get() == KEY
        bench.queue.done(KEY)
        assert isinstance(bench.preparing.answer(KEY), CaseTable), f"a pass after {steps} turns of the loop"
        bench.preparing.forget(KEY)


async def test_a_plan_without_the_answer_starts_no_preparation(bench: Bench) -> None:
    await bench.prepared()
    calls = list(bench.cluster.calls)
    bench.preparing.begin(KEY, JOB, None)
    await asyncio.sleep(1)
    assert bench.cluster.calls == calls


async def test_a_stopped_preparation_gives_no_answer(bench: Bench) -> None:
    bench.preparing.begin(KEY, JOB, bench.preparing.answer(KEY))
    bench.preparing.stop(KEY)
    await asyncio.sleep(1)
    assert (bench.preparing.answer(KEY), bench.shards(), len(bench.queue)) == (None, [], 0)


async def test_a_forgotten_preparation_has_no_answer(bench: Bench) -> None:
    await bench.prepared()
    bench.preparing.forget(KEY)
    assert bench.preparing.answer(KEY) is None


async def test_repeated_problems_are_counted_and_a_different_one_restarts_the_count(bench: Bench) -> None:
    wrong = a_job(cases={"configMap": {"name": "wrong", "key": "t.csv"}})

    assert [(await bench.refused(wrong)).tries for _ in range(3)] == [1, 2, 3]
    bench.cluster.put_config_map("default", "wrong", {"t.csv": "mesh,re\na\n"})
    assert [(await bench.refused(wrong)).tries for _ in range(2)] == [1, 2]
    bench.cluster.remove("configmaps", "default", "wrong")
    bench.cluster.put_config_map("default", "wrong", {"t.csv": "mesh,re\na,1\n"})
    await bench.table(wrong)


@pytest.mark.parametrize(
    "error",
    [pytest.param(ForbiddenError("quota"), id="forbidden"), pytest.param(InvalidError("no"), id="invalid")],
)
async def test_refused_configmaps_are_retried_and_reported(bench: Bench, error: ClusterError) -> None:
    bench.cluster.refuse("create_config_map", error)
    answer = await bench.refused()
    assert (answer.reason, answer.permanent, answer.at) == (Reason.TABLE_REFUSED, False, NOW)
    assert answer.message.endswith(f"rejects the ConfigMaps that are to store the cases: {error.message}")


async def test_a_cluster_error_is_raised_on_the_next_preparation(bench: Bench) -> None:
    bench.cluster.refuse("create_config_map", UnavailableError("no answer"))
    assert await bench.prepared() is None
    with pytest.raises(UnavailableError):
        bench.preparing.begin(KEY, JOB, bench.preparing.answer(KEY))
    await bench.table()


async def test_a_design_that_cannot_be_drawn_is_reported_and_retried(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    @asynccontextmanager
    async def broken(*_: object) -> AsyncIterator[None]:
        raise HelperError("out of memory")
        yield

    monkeypatch.setattr(Designs, "drawn", broken)
    samples = {"method": "Random", "size": 2, "parameters": [{"name": "a", "min": 0, "max": 1}]}
    answer = await bench.refused(a_job(cases={"samples": samples}))
    assert (answer.reason, answer.permanent, answer.at) == (Reason.PREPARING, False, NOW)
    assert answer.message.endswith("tries again: out of memory")


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"metadata": {"name": "", "ownerReferences": []}}, id="nobody owns it"),
        pytest.param({"data": {"cases.jsonl": "other"}}, id="its content differs"),
    ],
)
async def test_a_configmap_with_unexpected_content_is_not_used(bench: Bench, change: dict[str, Any]) -> None:
    await bench.prepared()
    (shard,) = bench.shards()
    name = shard["metadata"]["name"]
    bench.cluster.remove("configmaps", "default", name)
    other = {**shard, **change}
    other["metadata"] = {**other["metadata"], "name": name}
    bench.cluster.put_config_map("default", name, **{key: other[key] for key in ("data", "metadata")})
    answer = await bench.refused()
    assert answer.reason == Reason.TABLE_REFUSED
    assert f'a ConfigMap named "{name}" exists and does not belong to this SimulationJob' in answer.message


async def test_a_shard_is_read_once_for_many_cases_and_the_cache_is_small(bench: Bench) -> None:
    table = await bench.table()
    cluster: Cluster = bench.cluster
    tables = CaseTables(cluster)
    job = JOB.model_copy(update={"status": JOB.status.model_copy(update={"case_table": table})})
    before = bench.cluster.calls.count("get_config_map")
    found = await asyncio.gather(*(tables.case(job, index) for index in (0, 1, 0, 1)))
    assert [case.parameters["mesh"] for case in found] == ["a", "b", "a", "b"]
    assert bench.cluster.calls.count("get_config_map") == before + 1


async def test_a_cached_shard_does_not_wait_for_another_read(bench: Bench) -> None:
    table = await bench.table()
    tables = CaseTables(bench.cluster)
    job = JOB.model_copy(update={"status": JOB.status.model_copy(update={"case_table": table})})
    await tables.case(job, 0)
    async with tables._reading:
        case = await asyncio.wait_for(tables.case(job, 1), 1)
    assert case.parameters["mesh"] == "b"


async def test_a_table_without_a_referenced_parameter_is_refused(bench: Bench) -> None:
    answer = await bench.refused(referring_to("PARAM_MEHS"))
    assert (answer.reason, answer.permanent) == (Reason.INVALID_SPEC, True)
    assert answer.message.endswith("but no case has such a parameter: did you mean $(PARAM_MESH)?")
    await bench.table(referring_to("PARAM_MESH"))


async def test_a_row_that_lacks_a_parameter_is_named(bench: Bench) -> None:
    bench.cluster.put_config_map("default", "rows", {"t.jsonl": '{"mesh":1}\n{"re":2}\n'})
    answer = await bench.refused(referring_to("PARAM_MESH", "rows", "t.jsonl"))
    assert "but case 1 has no such parameter" in answer.message


async def test_a_row_that_no_process_can_start_with_is_named_and_not_stored(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (configmaptable, preparing):
        monkeypatch.setattr(module, "SHORT", 10**9)  # Virtual time knows no threads.
    row = json.dumps({f"p{n}": "网" * 1024 for n in range(64)})
    bench.cluster.put_config_map("default", "rows", {"t.jsonl": f'{{"p":1}}\n{row}\n'})
    answer = await bench.refused(referring_to("SIMJOB_NAME", "rows", "t.jsonl"))
    assert answer.message.startswith("case 1: environment variable SIMJOB_CASE_PARAMETERS would have 197")
    assert answer.permanent
    assert bench.shards() == []


def referring_to(variable: str, source: str = "table", key: str = "t.csv") -> SimulationJob:
    table = {"configMap": {"name": source, "key": key}}
    return a_job(cases=table, template=a_template_with(args=[f"$({variable})"]))


async def test_a_recreated_job_adopts_the_remaining_tables(bench: Bench) -> None:
    bench.cluster.apply(a_job_dict(cases={"configMap": {"name": "table", "key": "t.csv"}}))
    first = await bench.prepared(bench.stored())
    bench.cluster.remove("simulationjobs", "default", "sweep")
    bench.cluster.disown("configmaps", "default")
    bench.cluster.apply(a_job_dict(cases={"configMap": {"name": "table", "key": "t.csv"}}))
    again = bench.stored()
    assert await bench.prepared(again) == first
    (shard,) = [shard["metadata"] for shard in bench.shards()]
    assert shard["ownerReferences"][0]["uid"] == shard["labels"]["simjob.dev/uid"] == again.metadata.uid
