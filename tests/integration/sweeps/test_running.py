"""A sweep without disturbances: it runs, retries, ends, and keeps what `history` says."""

from datetime import datetime, timedelta

import pytest
from cluster.provider import Cluster
from integration.support import client as paths
from integration.support.operator_process import OperatorProcess
from integration.support.sweeps import Place, Sweep, a_template, condition, environment
from simjob.api.sweep.ranges import Ranges

pytestmark = pytest.mark.integration

MATRIX = {"matrix": [{"name": "mesh", "values": ["coarse", "fine"]}, {"name": "reynolds", "values": [1, 2.5, "x"]}]}


@pytest.mark.effect("spec.cases.matrix[].name", "spec.cases.matrix[].values[]")
def test_a_matrix_runs_each_combination_with_its_parameters(place: Place) -> None:
    sweep = place.apply(cases=MATRIX, parallelism=4, template=a_template(run=1))
    status = sweep.wait_phase("COMPLETED")
    assert status["cases"] == {
        "total": 6,
        "pending": 0,
        "assigned": 0,
        "running": 0,
        "succeeded": 6,
        "failed": 0,
        "cancelled": 0,
    }
    assert (status["progress"], status["succeededIndexes"], status["isTerminal"], status["isFailed"]) == (
        "6/6",
        "0-5",
        True,
        False,
    )
    assert (condition(status, "Finished"), condition(status, "Succeeded"), condition(status, "Stalled")) == (
        "True",
        "True",
        "False",
    )
    found = {pod["metadata"]["labels"]["simjob.dev/index"]: environment(pod) for pod in sweep.pods}
    assert [(found[str(i)]["PARAM_MESH"], found[str(i)]["PARAM_REYNOLDS"]) for i in range(6)] == [
        ("coarse", "1"),
        ("coarse", "2.5"),
        ("coarse", "x"),
        ("fine", "1"),
        ("fine", "2.5"),
        ("fine", "x"),
    ]
    assert found["4"]["SIMJOB_CASE_PARAMETERS"] == '{"mesh":"fine","reynolds":2.5}'
    assert found["4"]["SIMJOB_NAME"] == "sweep"


@pytest.mark.effect("spec.cases.list[].name", "spec.cases.list[].parameters{}")
def test_listed_cases_run_with_their_names_and_parameters(place: Place) -> None:
    listed = [
        {"name": "baseline", "parameters": {"inlet": [0.5, {"w": None}], "mesh": "medium", "steady": True}},
        {"name": "empty"},
    ]
    sweep = place.apply(cases={"list": listed}, template=a_template(run=1))
    sweep.wait_phase("COMPLETED")
    first, second = (
        {name: value for name, value in environment(pod).items() if name not in ("SIMJOB_NAME", "SIMJOB_CASE_INDEX")}
        for pod in sorted(sweep.pods, key=lambda pod: str(pod["metadata"]["name"]))
    )
    assert first == {
        "SIMJOB_CASE_NAME": "baseline",
        "SIMJOB_CASE_PARAMETERS": '{"inlet":[0.5,{"w":null}],"mesh":"medium","steady":true}',
        "PARAM_INLET": '[0.5,{"w":null}]',
        "PARAM_MESH": "medium",
        "PARAM_STEADY": "true",
    }
    assert second == {"SIMJOB_CASE_NAME": "empty", "SIMJOB_CASE_PARAMETERS": "{}"}


@pytest.mark.effect("spec.type", "spec.project")
def test_labels_select_jobs_and_pods_by_type_and_project(place: Place) -> None:
    sweeps = [
        place.apply("wing", type="simulate", project="wing", template=a_template(run=1)),
        place.apply("tail", type="validation", project="tail", template=a_template(run=1)),
    ]
    for sweep, selector in zip(sweeps, ("simjob.dev/type=simulate", "simjob.dev/project=tail"), strict=True):
        sweep.wait_phase("COMPLETED")
        for collection, mine in ((paths.jobs, sweep.jobs), (paths.pods, sweep.pods)):
            found = place.client.items(collection(place.name), labelSelector=selector)
            assert {item["metadata"]["name"] for item in found} == {item["metadata"]["name"] for item in mine}
            assert len(found) == 3


def test_failed_cases_fail_the_sweep_and_report_their_exit_code(place: Place) -> None:
    sweep = place.apply(cases={"count": 3}, template=a_template(run=1, exit_code=7))
    status = sweep.wait_phase("FAILED")
    assert (status["errorCode"], status["isFailed"], status["failedIndexes"]) == ("CASE_FAILED", True, "0-2")
    assert [(failure["exitCode"], failure["reason"]) for failure in status["failures"]] == [(7, "Error")] * 3
    assert condition(status, "Stalled") == "True"


@pytest.mark.effect("spec.retries.limit")
def test_a_failed_case_is_retried_after_ten_seconds_with_a_new_attempt_number(
    place: Place, operator: OperatorProcess, kwok_cluster: Cluster
) -> None:
    sweep = place.apply(cases={"count": 2}, retries={"limit": 1}, template=a_template(exit_code=3))
    sweep.wait_running(2)
    # No second attempt starts before all is seen, however long that takes.
    sweep.patch(parallelism=0)
    sweep.wait_observed()
    sweep.end_running()
    sweep.wait(lambda status: status.get("retrying", {}).get("cases") == 2, "status says how the attempts ended")
    assert not sweep.live_pods
    described = kwok_cluster.run_kubectl("--namespace", place.name, "describe", "simjob", sweep.name)
    shown = described.partition("Retrying:")[2]
    assert [word in shown for word in ("Exit Code:", "Next Attempt At:", "Failed Attempts:")] == [True] * 3
    assert_said_again_by_the_next_operator(sweep, operator)
    sweep.patch(parallelism=2)
    sweep.wait(lambda status: "retrying" not in status, "nothing waits once the second attempts are there")
    status = sweep.end_all("FAILED")
    assert status["failedIndexes"] == "0-1"
    assert sorted(name.rsplit("-", 3)[1:] for name in sweep.pod_names) == [
        ["0", "0", "0"],
        ["0", "0", "1"],
        ["1", "0", "0"],
        ["1", "0", "1"],
    ]
    first, second = (
        min(datetime.fromisoformat(seen.object["metadata"]["creationTimestamp"]) for seen in found)
        for found in ([seen for seen in place.pods.history if seen.name.endswith(f"-{attempt}")] for attempt in (0, 1))
    )
    assert second - first >= timedelta(seconds=10)
    sweep.wait_until(lambda: {job["status"]["failed"] for job in sweep.jobs} == {2}, "the Jobs say two failures")


def assert_said_again_by_the_next_operator(sweep: Sweep, operator: OperatorProcess) -> None:
    """The failed pods go, and the status loses what it said, while no operator runs."""
    before = sweep.status["retrying"]
    assert [(each["exitCode"], each["reason"]) for each in before["newest"]] == [(3, "Error")] * 2
    operator.stop()
    sweep.client.delete(paths.pods(sweep.place.name), "Background")
    sweep.client.patch(f"{sweep.path}/status", {"status": {"retrying": None}})
    operator.start()
    sweep.wait(lambda status: status.get("retrying") == before, "it is said again, from the Jobs")


def test_kubectl_shows_jobs_like_any_other(place: Place) -> None:
    sweep = place.apply(cases={"count": 1}, template=a_template(run=1))
    sweep.wait_phase("COMPLETED")
    sweep.wait_until(lambda: "completionTime" in sweep.jobs[0].get("status", {}), "the Job says that it is complete")
    job = sweep.jobs[0]
    assert (job["status"]["succeeded"], job["spec"]["managedBy"]) == (1, "simjob.dev/operator")
    assert {found["type"] for found in job["status"]["conditions"]} == {"SuccessCriteriaMet", "Complete"}
    [owner] = job["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["uid"], owner["controller"]) == ("SimulationJob", sweep.uid, True)


@pytest.mark.effect("spec.history.succeededCases")
def test_history_keeps_the_configured_number_of_jobs_and_every_uncounted_one(place: Place) -> None:
    history = {"succeededCases": 2, "failedCases": 0}
    sweep = place.apply(cases={"count": 12}, parallelism=3, history=history, template=a_template(run=1))
    sweep.wait_phase("COMPLETED")
    sweep.wait_until(lambda: (len(sweep.jobs), len(sweep.pods)) == (2, 2), "two Jobs are left, each with its pod")
    place.settle()
    for gone in [seen for seen in place.jobs.history if seen.gone]:
        index = int(gone.object["metadata"]["labels"]["simjob.dev/index"])
        before = [seen for seen in sweep.history if seen.version < gone.version][-1]
        assert index in Ranges.parse(before.object["status"]["succeededIndexes"]), gone.name


@pytest.mark.effect("spec.history.failedCases")
def test_history_keeps_the_configured_number_of_failed_jobs(place: Place) -> None:
    history = {"succeededCases": 0, "failedCases": 1}
    sweep = place.apply(cases={"count": 5}, parallelism=2, history=history, template=a_template(run=1, exit_code=1))
    sweep.wait_phase("FAILED")
    sweep.wait_until(lambda: (len(sweep.jobs), len(sweep.pods)) == (1, 1), "one Job is left, with its pod")
