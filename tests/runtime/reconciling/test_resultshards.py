"""Whatever happens to statuses, ConfigMaps and processes, each recorded case has one row."""

import asyncio

import pytest
from given.builders import a_job_dict
from given.outcomes import outcomes_of
from hypothesis import given, settings
from hypothesis import strategies as st
from runtime.reconciling.resultbench import Bench, an_end
from simjob.api.sweep.ranges import Ranges
from simjob.api.sweep.stored import Results
from simjob.core.results import results


async def test_a_wiped_or_edited_status_duplicates_no_row() -> None:
    bench = Bench()
    await bench.record(an_end(0), an_end(1), an_end(2))
    await bench.edit(outcomes={"succeeded": "1"})
    await bench.record(an_end(0, "new"))
    assert bench.table == {"sweep-results-0": [0, 1]}
    await bench.edit(outcomes={}, results=None)
    await bench.record(an_end(4, ""))
    assert bench.job.status.results == Results(missing=1)
    await bench.record(an_end(0), an_end(1))
    assert bench.table == {"sweep-results-0": [0, 1]}
    assert bench.job.status.results == Results(config_maps=("sweep-results-0",), rows=2, missing=1)


async def test_a_restored_older_status_duplicates_no_row() -> None:
    bench = Bench()
    await bench.record(an_end(0))
    status = bench.job.status.to_api()
    await bench.record(an_end(1))
    await bench.edit(results=status["results"], outcomes=outcomes_of(status))
    await bench.record(an_end(1), an_end(2))
    assert bench.table == {"sweep-results-0": [0, 1, 2]}
    assert bench.job.status.results == Results(config_maps=("sweep-results-0",), rows=3)


async def test_several_shards_and_a_restart_duplicate_no_row() -> None:
    bench = Bench()
    big = "x" * 4000
    for start in range(0, 90, 30):
        await bench.record(*(an_end(index, big) for index in range(start, start + 30)))
    assert len(bench.table) == 3
    await bench.edit(outcomes={"succeeded": "1-89"})
    bench.restart()
    await bench.record(an_end(0, big))
    rows = [index for shard in bench.table.values() for index in shard]
    assert sorted(rows) == list(range(90))
    found = bench.job.status.results
    assert found is not None
    assert (found.rows, sorted(found.config_maps)) == (90, sorted(bench.table))


async def test_results_removed_from_status_are_found_again() -> None:
    bench = Bench()
    await bench.record(an_end(0), an_end(1, cut=True), an_end(2, ""))
    before = bench.job.status.results
    await bench.edit(results=None)
    await bench.record(an_end(3))
    assert before == Results(config_maps=("sweep-results-0",), rows=2, missing=1, truncated=1)
    assert bench.job.status.results == before.model_copy(update={"rows": 3})
    assert bench.table == {"sweep-results-0": [0, 1, 3]}


async def test_a_deleted_shard_is_no_longer_counted() -> None:
    bench = Bench()
    await bench.record(*(an_end(index, "x" * 4000) for index in range(60)))
    assert len(bench.table) == 2
    lost = len(bench.table["sweep-results-0"])
    bench.cluster.remove("configmaps", "default", "sweep-results-0")
    bench.restart()
    await bench.record(an_end(60))
    assert bench.job.status.results == Results(config_maps=("sweep-results-1",), rows=61 - lost)


async def test_results_of_an_earlier_simulationjob_are_adopted_with_its_status() -> None:
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


async def test_without_its_status_adopted_results_are_replaced() -> None:
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


SOME = st.frozensets(st.integers(0, 6), min_size=1, max_size=4)
MOVES = st.one_of(
    st.tuples(st.sampled_from(["record", "fail", "crash", "edit"]), SOME),
    st.tuples(st.sampled_from(["restart", "drop results"]), st.just(frozenset[int]())),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(MOVES, max_size=12))
def test_each_recorded_case_has_one_row_despite_restarts_and_edits(
    moves: list[tuple[str, frozenset[int]]],
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(results, "MAX_SHARD_BYTES", 200)
        asyncio.run(play(moves))


async def play(moves: list[tuple[str, frozenset[int]]]) -> None:
    bench = Bench()
    for move, cases in moves:
        recorded = set(bench.job.status.outcomes.succeeded)
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
                await bench.edit(outcomes={"succeeded": str(Ranges.of(sorted(recorded - cases)))})
            case "restart":
                bench.restart()
            case "drop results":
                await bench.edit(results=None)
    await bench.record(an_end(9))
    recorded = set(bench.job.status.outcomes.succeeded)
    found = bench.job.status.results
    assert sorted(index for shard in bench.table.values() for index in shard) == sorted(recorded)
    assert found is not None
    assert found.rows == len(recorded)
    assert set(found.config_maps) >= {name for name, rows in bench.table.items() if rows}
