"""The results of simulations as a table in ConfigMaps, and how long the cases ran."""

import json
from datetime import datetime
from typing import Any

import pytest
from integration.support import client as paths
from integration.support.client import Object
from integration.support.operator_process import OperatorProcess
from integration.support.sweeps import Place, Sweep, a_template
from integration.worlds.limits import quota

pytestmark = pytest.mark.integration

AXES = {"matrix": [{"name": "mesh", "values": ["coarse", "fine"]}]}


def saying(message: str, run: float = 1, exit_code: int | None = None, **requests: str) -> Object:
    """Make a template whose simulations leave a message."""
    template = a_template(run=run, exit_code=exit_code)
    template["metadata"]["annotations"]["kwok.simjob.dev/termination-message"] = message
    template["spec"]["containers"][0]["resources"] = {"requests": requests}
    return template


def table(sweep: Sweep) -> list[Any]:
    """Give the rows of a sweep's results, shard by shard."""
    listed = sweep.status["results"]["configMaps"]
    shards = [sweep.client.get(paths.core(sweep.place.name, "configmaps", name)) for name in listed]
    return [json.loads(row) for shard in shards for row in shard["data"]["results.jsonl"].split("\n") if row]


@pytest.mark.parametrize(
    ("message", "result"),
    [pytest.param('{"drag": 0.31}', {"drag": 0.31}, id="an object"), pytest.param("diverged", "diverged", id="a text")],
)
def test_each_case_with_a_result_has_a_row(place: Place, message: str, result: Any) -> None:
    code = None if isinstance(result, dict) else 3
    sweep = place.apply(cases=AXES, template=saying(message, exit_code=code))
    status = sweep.wait_phase("COMPLETED", "FAILED")
    assert status["results"] == {"configMaps": ["sweep-results-0"], "rows": 2, "missing": 0}
    end = {"outcome": "Succeeded"} if code is None else {"outcome": "Failed", "exitCode": 3}
    assert sorted(table(sweep), key=lambda row: int(row["index"])) == [
        {"index": 0, "name": "0", **end, "parameters": {"mesh": "coarse"}, "result": result},
        {"index": 1, "name": "1", **end, "parameters": {"mesh": "fine"}, "result": result},
    ]
    shard = place.client.get(paths.core(place.name, "configmaps", "sweep-results-0"))
    assert [owner["uid"] for owner in shard["metadata"]["ownerReferences"]] == [sweep.uid]


def test_cases_without_a_result_count_as_missing(place: Place) -> None:
    sweep = place.apply(template=a_template(run=1))
    assert sweep.wait_phase("COMPLETED")["results"] == {"configMaps": [], "rows": 0, "missing": 3}


def test_a_large_table_continues_in_the_next_shard_after_a_crash(place: Place, operator: OperatorProcess) -> None:
    sweep = place.apply(cases={"count": 200}, parallelism=100, template=saying("x" * 4000, run=2))
    sweep.wait(lambda status: bool(status.get("results", {}).get("rows")), "the first rows")
    operator.kill()
    operator.start()
    status = sweep.wait_phase("COMPLETED", seconds=90)
    names = status["results"]["configMaps"]
    assert len(names) > 1
    assert (names, status["results"]["rows"]) == ([f"sweep-results-{number}" for number in range(len(names))], 200)
    assert sorted(row["index"] for row in table(sweep)) == list(range(200))
    assert all(row["result"] == "x" * 4000 for row in table(sweep))


def test_a_quota_that_refuses_the_table_is_reported_and_delays_nothing(place: Place) -> None:
    quota(place.client, place.name, {"count/configmaps": "0"}, name="few")
    sweep = place.apply(template=saying("1"))
    status = sweep.wait_phase("COMPLETED")
    assert status["results"] == {"configMaps": [], "rows": 0, "missing": 3}

    def told() -> list[str]:
        return [
            item["note"] for item in place.client.items(paths.events(place.name)) if item["reason"] == "ResultsRefused"
        ]

    sweep.wait_until(lambda: bool(told()), "the Event ResultsRefused")
    assert "exceeded quota: few" in told()[0]


def test_a_config_map_of_another_owner_is_not_changed(place: Place) -> None:
    path = paths.core(place.name, "configmaps", "sweep-results-0")
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "sweep-results-0"}, "data": {"mine": "1"}}
    place.client.create(paths.core(place.name, "configmaps"), body)
    sweep = place.apply(template=saying("1"))
    assert sweep.wait_phase("COMPLETED")["results"]["missing"] == 3
    assert place.client.get(path)["data"] == {"mine": "1"}


def test_compute_time_is_counted_by_outcome(place: Place) -> None:
    sweep = place.apply(template=saying("1", run=2, cpu="500m"), resources={"gpu": {"count": 2}})
    times = sweep.wait_phase("COMPLETED")["computeTime"]
    ran = ran_seconds(place, "Succeeded")
    assert ran >= 3
    assert times["succeeded"] == {"wallSeconds": ran, "cpuSeconds": round(ran / 2), "gpuSeconds": 2 * ran}


def test_compute_time_lost_to_a_cancel_is_counted(place: Place) -> None:
    sweep = place.apply(template=a_template(stop=1))
    sweep.wait_running(3)
    sweep.cancel()
    status = sweep.wait_phase("CANCELLED")
    ran = ran_seconds(place, "Failed")
    assert status["computeTime"]["cancelled"] == {"wallSeconds": ran, "cpuSeconds": 0, "gpuSeconds": 0}


def ran_seconds(place: Place, phase: str) -> int:
    """Sum up how long the containers of the pods that ended so ran, by their own states."""
    place.settle()
    ends = {seen.name: seen.object for seen in place.pods.history if seen.phase == phase}
    states = [pod["status"]["containerStatuses"][0]["state"]["terminated"] for pod in ends.values()]
    return sum(_seconds(state["finishedAt"]) - _seconds(state["startedAt"]) for state in states)


def _seconds(time: str) -> int:
    return int(datetime.fromisoformat(time).timestamp())
