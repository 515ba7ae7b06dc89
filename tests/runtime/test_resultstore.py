import asyncio
import json
from typing import Any

import pytest
from builders import a_job_dict
from fakes import FakeCluster
from hypothesis import given, settings
from hypothesis import strategies as st
from simjob.api import simulationjob
from simjob.api.ranges import Ranges
from simjob.api.simulationjob import SimulationJob
from simjob.api.status import Results
from simjob.core import results
from simjob.core.plan import End, Notice
from simjob.runtime.casetables import CaseTables
from simjob.runtime.errors import ConflictError, ForbiddenError, UnavailableError
from simjob.runtime.resultstore import ResultStore
from simjob.runtime.workqueue import Key


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
        """Save, and write the status that goes with it."""
        found, told = await self.save(*ends)
        assert ([notice.reason for notice in told if notice.reason != "ResultsTruncated"], found is not None) == (
            [],
            True,
        )
        ledger = str(self.job.status.ledger.succeeded.union(Ranges.of(end.index for end in ends)))
        status = {"results": found.to_api() if found else None, "ledger": {"succeeded": ledger}}
        version = self.job.metadata.resource_version
        await self.cluster.patch_simulationjob_status("default", "sweep", version, status)

    async def edit(self, **status: Any) -> None:
        """Change the status, as `kubectl edit --subresource=status` does."""
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


async def test_rows_are_added_to_the_last_shard_by_one_write_each_time() -> None:
    bench = Bench()
    await bench.record(an_end(0), an_end(2))
    bench.cluster.calls.clear()
    await bench.record(an_end(1))
    assert bench.cluster.calls == ["write_config_map", "patch_simulationjob_status"]
    assert bench.table == {"sweep-results-0": [0, 1, 2]}
    assert bench.job.status.results == Results(config_maps=("sweep-results-0",), rows=3)


async def test_a_shard_belongs_to_its_simulationjob() -> None:
    bench = Bench()
    await bench.record(an_end(0))
    (shard,) = bench.cluster.objects("configmaps")
    (owner,) = shard["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["uid"], owner["controller"]) == ("SimulationJob", bench.job.metadata.uid, True)


async def test_what_said_nothing_is_missing_if_it_succeeded_and_makes_no_shard() -> None:
    bench = Bench()
    found, told = await bench.save(an_end(0, ""), an_end(1, "", succeeded=False, exit_code=1))
    assert (found, told, bench.table) == (Results(missing=1), (), {})


async def test_rows_without_their_status_write_are_thrown_away_by_the_next_process() -> None:
    bench = Bench()
    await bench.record(an_end(0))
    big = "x" * 4000
    await bench.save(*(an_end(index, big) for index in range(1, 400)))
    assert len(bench.table) > 1
    bench.restart()
    await bench.record(an_end(1, "again"))
    assert {name: rows for name, rows in bench.table.items() if rows} == {"sweep-results-0": [0, 1]}


async def test_at_the_end_too() -> None:
    bench = Bench()
    await bench.record(an_end(0))
    await bench.save(an_end(1))
    bench.restart()
    await bench.save(last=True)
    assert bench.table == {"sweep-results-0": [0]}


async def test_a_stale_ledger_throws_nothing_away() -> None:
    bench = Bench()
    old = bench.job
    await bench.record(an_end(0))
    bench.restart()
    with pytest.raises(ConflictError):
        await bench.store.save(Key("default", "u"), old, [an_end(1)], last=False)
    assert bench.table == {"sweep-results-0": [0]}


async def test_rows_go_on_in_the_next_shard() -> None:
    bench = Bench()
    for start in range(0, 300, 100):
        await bench.record(*(an_end(index, "x" * 4000) for index in range(start, start + 100)))
        bench.restart()
    assert sum(len(rows) for rows in bench.table.values()) == 300
    shards = tuple(f"sweep-results-{number}" for number in range(len(bench.table)))
    assert len(shards) > 1
    assert bench.job.status.results == Results(config_maps=shards, rows=300)


async def test_what_is_refused_is_missing_and_told_and_tried_anew_with_the_next() -> None:
    bench = Bench()
    bench.cluster.refuse("create_config_map", ForbiddenError("exceeded quota", code=403))
    found, (told,) = await bench.save(an_end(0), an_end(1, ""))
    assert (found, told.reason, told.warning) == (Results(missing=2), "ResultsRefused", True)
    assert told.note == "1 results could not be stored and count as missing: exceeded quota"
    await bench.record(an_end(2))
    assert bench.table == {"sweep-results-0": [2]}


async def test_a_config_map_of_others_is_not_touched() -> None:
    bench = Bench()
    bench.cluster.put_config_map("default", "sweep-results-0", {"results.jsonl": "mine"})
    found, (told,) = await bench.save(an_end(0))
    assert found == Results(missing=1)
    assert 'a ConfigMap named "sweep-results-0" is there already and is not ours' in told.note
    (untouched,) = bench.cluster.objects("configmaps")
    assert untouched["data"] == {"results.jsonl": "mine"}


async def test_that_of_an_older_simulationjob_of_the_name_is_waited_for() -> None:
    bench = Bench()
    await bench.record(an_end(0))
    bench.cluster.remove("simulationjobs", "default", "sweep")
    bench.cluster.apply(a_job_dict(cases={"count": 3}))
    with pytest.raises(UnavailableError):
        await bench.save(an_end(0))
    bench.cluster.remove("configmaps", "default", "sweep-results-0")
    await bench.record(an_end(0))


async def test_no_outcome_waits_for_ever_for_an_api_server_that_does_not_answer(monkeypatch: Any) -> None:
    bench = Bench()
    bench.cluster.refuse("create_config_map", *[UnavailableError("no answer")] * 2)
    with pytest.raises(UnavailableError):
        await bench.save(an_end(0))
    monkeypatch.setattr("simjob.runtime.resultstore._PATIENCE", 0.0)
    found, (told,) = await bench.save(an_end(0))
    assert (found, told.reason) == (Results(missing=1), "ResultsRefused")


async def test_a_status_that_was_wiped_or_edited_doubles_no_row() -> None:
    bench = Bench()
    await bench.record(an_end(0), an_end(1), an_end(2))
    await bench.edit(ledger={"succeeded": "1"})
    await bench.record(an_end(0, "new"))
    assert bench.table == {"sweep-results-0": [0, 1]}
    await bench.edit(ledger=None, results=None)
    await bench.record(an_end(4, ""))
    assert bench.job.status.results == Results(missing=1)
    await bench.record(an_end(0), an_end(1))
    assert bench.table == {"sweep-results-0": [0, 1]}
    assert bench.job.status.results == Results(config_maps=("sweep-results-0",), rows=2, missing=1)


async def test_nor_does_a_status_that_was_put_back_to_the_one_before() -> None:
    bench = Bench()
    await bench.record(an_end(0))
    status = bench.job.status.to_api()
    await bench.record(an_end(1))
    await bench.edit(results=status["results"], ledger=status["ledger"])
    await bench.record(an_end(1), an_end(2))
    assert bench.table == {"sweep-results-0": [0, 1, 2]}
    assert bench.job.status.results == Results(config_maps=("sweep-results-0",), rows=3)


async def test_also_where_the_rows_are_in_several_shards_and_the_operator_was_away() -> None:
    bench = Bench()
    big = "x" * 4000
    for start in range(0, 90, 30):
        await bench.record(*(an_end(index, big) for index in range(start, start + 30)))
    assert len(bench.table) == 3
    await bench.edit(ledger={"succeeded": "1-89"})
    bench.restart()
    await bench.record(an_end(0, big))
    rows = [index for shard in bench.table.values() for index in shard]
    assert sorted(rows) == list(range(90))
    found = bench.job.status.results
    assert found is not None
    assert (found.rows, sorted(found.config_maps)) == (90, sorted(bench.table))


async def test_results_that_were_taken_out_of_the_status_are_found_again() -> None:
    bench = Bench()
    await bench.record(an_end(0), an_end(1, cut=True), an_end(2, ""))
    before = bench.job.status.results
    await bench.edit(results=None)
    await bench.record(an_end(3))
    assert before == Results(config_maps=("sweep-results-0",), rows=2, missing=1, truncated=1)
    assert bench.job.status.results == before.model_copy(update={"rows": 3})
    assert bench.table == {"sweep-results-0": [0, 1, 3]}


async def test_a_shard_that_was_deleted_is_not_counted_any_more() -> None:
    bench = Bench()
    await bench.record(*(an_end(index, "x" * 4000) for index in range(60)))
    assert len(bench.table) == 2
    lost = len(bench.table["sweep-results-0"])
    bench.cluster.remove("configmaps", "default", "sweep-results-0")
    bench.restart()
    await bench.record(an_end(60))
    assert bench.job.status.results == Results(config_maps=("sweep-results-1",), rows=61 - lost)


async def test_the_first_result_that_was_cut_is_told() -> None:
    bench = Bench()
    found, (told,) = await bench.save(an_end(0), an_end(3, cut=True))
    assert found == Results(config_maps=("sweep-results-0",), rows=2, truncated=1)
    assert (told.reason, told.warning, "the result of case 3" in told.note) == ("ResultsTruncated", True, True)
    await bench.edit(results=found.to_api(), ledger={"succeeded": "0,3"})
    assert await bench.save(an_end(4, cut=True)) == (
        Results(config_maps=("sweep-results-0",), rows=3, truncated=2),
        (),
    )


async def test_results_of_an_earlier_simulationjob_are_taken_over_with_the_status_that_knows_them() -> None:
    bench = Bench()
    await bench.record(an_end(0), an_end(1))
    status = bench.job.status.to_api()
    bench.orphan()
    bench.restart()
    bench.cluster.apply(a_job_dict(cases={"count": 3000}))
    await bench.edit(**status)
    await bench.record(an_end(2))
    assert bench.table == {"sweep-results-0": [0, 1, 2]}
    (shard,) = bench.cluster.objects("configmaps")
    (owner,) = shard["metadata"]["ownerReferences"]
    assert (owner["uid"], owner["controller"]) == (bench.job.metadata.uid, True)
    assert shard["metadata"]["labels"]["simjob.dev/uid"] == bench.job.metadata.uid


async def test_without_a_status_they_are_taken_over_and_replaced() -> None:
    bench = Bench()
    await bench.record(an_end(0), an_end(1))
    bench.orphan()
    bench.restart()
    bench.cluster.apply(a_job_dict(cases={"count": 3000}))
    await bench.record(an_end(1))
    assert bench.table == {"sweep-results-0": [1]}
    assert bench.job.status.results == Results(config_maps=("sweep-results-0",), rows=1)


async def test_results_of_other_cases_are_not_touched() -> None:
    bench = Bench()
    await bench.record(an_end(0), an_end(1))
    bench.orphan()
    bench.restart()
    bench.cluster.apply(a_job_dict(cases={"count": 2999}))
    found, (told,) = await bench.save(an_end(0))
    assert found == Results(missing=1)
    assert 'ConfigMap "sweep-results-0" holds results of an earlier SimulationJob of this name' in told.note
    assert bench.table == {"sweep-results-0": [0, 1]}


async def test_a_shard_that_somebody_changed_is_read_again() -> None:
    bench = Bench()
    await bench.record(an_end(0))
    (shard,) = bench.cluster.objects("configmaps")
    meta = shard["metadata"]
    remark = {"results.jsonl": shard["data"]["results.jsonl"] + '"a remark"\n'}
    await bench.cluster.write_config_map("default", meta["name"], meta["uid"], meta["resourceVersion"], remark)
    with pytest.raises(ConflictError):
        await bench.save(an_end(1))
    await bench.save(an_end(1))
    (shard,) = bench.cluster.objects("configmaps")
    assert [line[:10] for line in shard["data"]["results.jsonl"].split("\n")] == [
        '"a remark"',
        '{"index":0',
        '{"index":1',
        "",
    ]


SOME = st.frozensets(st.integers(0, 6), min_size=1, max_size=4)
MOVES = st.one_of(
    st.tuples(st.sampled_from(["record", "fail", "crash", "edit"]), SOME),
    st.tuples(st.sampled_from(["restart", "drop results"]), st.just(frozenset[int]())),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(MOVES, max_size=12))
def test_whatever_happens_to_process_and_status_each_recorded_case_has_one_row(
    moves: list[tuple[str, frozenset[int]]],
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(results, "MAX_SHARD_BYTES", 200)
        asyncio.run(play(moves))


async def play(moves: list[tuple[str, frozenset[int]]]) -> None:
    bench = Bench()
    for move, cases in moves:
        recorded = set(bench.job.status.ledger.succeeded)
        ends = [an_end(index, '{"drag": NaN}') for index in sorted(cases - recorded, reverse=True)]
        match move:
            case "record" if ends:
                await bench.record(*ends)
            case "fail" if ends:
                await bench.save(*ends)
                bench.store.forget(bench.key)
            case "crash" if ends:
                await bench.save(*ends)
                bench.restart()
            case "edit":
                await bench.edit(ledger={"succeeded": str(Ranges.of(sorted(recorded - cases)))})
            case "restart":
                bench.restart()
            case "drop results":
                await bench.edit(results=None)
    await bench.record(an_end(9))
    recorded = set(bench.job.status.ledger.succeeded)
    found = bench.job.status.results
    assert sorted(index for shard in bench.table.values() for index in shard) == sorted(recorded)
    assert found is not None
    assert found.rows == len(recorded)
    assert set(found.config_maps) >= {name for name, rows in bench.table.items() if rows}
