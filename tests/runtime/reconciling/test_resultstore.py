from typing import Any

import pytest
from given.builders import a_job_dict
from runtime.reconciling.resultbench import Bench, an_end
from simjob.api.sweep.stored import Results
from simjob.runtime.client.errors import ConflictError, ForbiddenError, UnavailableError
from simjob.runtime.client.key import Key


async def test_each_batch_of_rows_is_one_write_to_the_last_shard() -> None:
    bench = Bench()
    await bench.record(an_end(0), an_end(2))
    bench.cluster.calls.clear()
    await bench.record(an_end(1))
    assert bench.cluster.calls == ["write_config_map", "patch_simulationjob_status"]
    assert bench.table == {"sweep-results-0": [0, 1, 2]}
    assert bench.job.status.results == Results(config_maps=("sweep-results-0",), rows=3)


async def test_a_shard_is_owned_by_its_simulationjob() -> None:
    bench = Bench()
    await bench.record(an_end(0))
    (shard,) = bench.cluster.objects("configmaps")
    (owner,) = shard["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["uid"], owner["controller"]) == ("SimulationJob", bench.job.metadata.uid, True)


async def test_a_success_without_a_result_counts_as_missing_and_writes_no_shard() -> None:
    bench = Bench()
    found, notices = await bench.save(an_end(0, ""), an_end(1, "", succeeded=False, exit_code=1))
    assert (found, notices, bench.table) == (Results(missing=1), (), {})


async def test_the_next_process_discards_rows_without_a_recorded_outcome() -> None:
    bench = Bench()
    await bench.record(an_end(0))
    big = "x" * 4000
    await bench.save(*(an_end(index, big) for index in range(1, 400)))
    assert len(bench.table) > 1
    bench.restart()
    await bench.record(an_end(1, "again"))
    assert {name: rows for name, rows in bench.table.items() if rows} == {"sweep-results-0": [0, 1]}


async def test_rows_without_a_recorded_outcome_are_discarded_at_the_end() -> None:
    bench = Bench()
    await bench.record(an_end(0))
    await bench.save(an_end(1))
    bench.restart()
    await bench.save(last=True)
    assert bench.table == {"sweep-results-0": [0]}


async def test_a_stale_status_throws_nothing_away() -> None:
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


async def test_refused_rows_are_reported_and_retried_with_the_next_batch() -> None:
    bench = Bench()
    bench.cluster.refuse("create_config_map", ForbiddenError("exceeded quota", code=403))
    found, (notice,) = await bench.save(an_end(0), an_end(1, ""))
    assert (found, notice.reason, notice.warning) == (Results(missing=2), "ResultsRefused", True)
    assert notice.note == "1 results cannot be stored and count as missing: exceeded quota"
    await bench.record(an_end(2))
    assert bench.table == {"sweep-results-0": [2]}


async def test_a_config_map_of_another_owner_is_not_changed() -> None:
    bench = Bench()
    bench.cluster.put_config_map("default", "sweep-results-0", {"results.jsonl": "mine"})
    found, (notice,) = await bench.save(an_end(0))
    assert found == Results(missing=1)
    assert 'a ConfigMap named "sweep-results-0" exists and does not belong to this SimulationJob' in notice.note
    (untouched,) = bench.cluster.objects("configmaps")
    assert untouched["data"] == {"results.jsonl": "mine"}


async def test_a_config_map_of_a_deleted_namesake_is_waited_for() -> None:
    bench = Bench()
    await bench.record(an_end(0))
    bench.cluster.remove("simulationjobs", "default", "sweep")
    bench.cluster.apply(a_job_dict(cases={"count": 3}))
    with pytest.raises(UnavailableError):
        await bench.save(an_end(0))
    bench.cluster.remove("configmaps", "default", "sweep-results-0")
    await bench.record(an_end(0))


async def test_an_unresponsive_api_server_delays_outcomes_for_a_limited_time(monkeypatch: Any) -> None:
    bench = Bench()
    bench.cluster.refuse("create_config_map", *[UnavailableError("no answer")] * 2)
    with pytest.raises(UnavailableError):
        await bench.save(an_end(0))
    monkeypatch.setattr("simjob.runtime.reconciling.resultstore._PATIENCE", 0.0)
    found, (notice,) = await bench.save(an_end(0))
    assert (found, notice.reason) == (Results(missing=1), "ResultsRefused")


async def test_the_first_truncated_result_emits_an_event() -> None:
    bench = Bench()
    found, (notice,) = await bench.save(an_end(0), an_end(3, cut=True))
    assert found == Results(config_maps=("sweep-results-0",), rows=2, truncated=1)
    assert (notice.reason, notice.warning, "the result of case 3" in notice.note) == ("ResultsTruncated", True, True)
    await bench.edit(results=found.to_api(), outcomes={"succeeded": "0,3"})
    assert await bench.save(an_end(4, cut=True)) == (
        Results(config_maps=("sweep-results-0",), rows=3, truncated=2),
        (),
    )


async def test_a_shard_that_someone_else_changed_is_read_again() -> None:
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
