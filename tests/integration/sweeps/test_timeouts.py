"""What takes too long is stopped, counted and named, even if the operator was down at that time."""

import time
from datetime import datetime

import pytest
from integration.support.client import Object
from integration.support.operator_process import OperatorProcess
from integration.support.sweeps import Place, a_template, condition, eventually, failed_for

pytestmark = pytest.mark.integration

NOWHERE = a_template(nodeSelector={"there-is": "none"})
NEVER = 3600


def codes(status: Object) -> list[tuple[int, str]]:
    return sorted((failure["index"], failure["errorCode"]) for failure in status["failures"])


def seconds_between(first: str, second: str) -> float:
    return (datetime.fromisoformat(second) - datetime.fromisoformat(first)).total_seconds()


@pytest.mark.effect("spec.timeouts.assignSeconds")
def test_a_pod_that_gets_no_node_in_time_fails_its_case(place: Place) -> None:
    sweep = place.apply(cases={"count": 2}, timeouts={"assignSeconds": 2}, template=NOWHERE)
    status = sweep.wait_phase("FAILED")
    assert (status["errorCode"], codes(status)) == ("ASSIGN_TIMEOUT", [(0, "ASSIGN_TIMEOUT"), (1, "ASSIGN_TIMEOUT")])
    message = status["failures"][0]["message"]
    assert message.startswith("no node within 2 s: Unschedulable: 0/"), message
    sweep.wait_until(lambda: not sweep.pods, "its pods are gone")
    sweep.wait_until(lambda: failed_for(sweep) == {"DeadlineExceeded"}, "the Jobs say so")
    assert len(sweep.pod_names) == 2


@pytest.mark.effect("spec.timeouts.startSeconds")
def test_a_container_that_does_not_run_in_time_fails_its_case(place: Place) -> None:
    sweep = place.apply(cases={"count": 2}, timeouts={"startSeconds": 2}, template=a_template(start=NEVER))
    status = sweep.wait_phase("FAILED")
    assert (status["errorCode"], codes(status)) == ("START_TIMEOUT", [(0, "START_TIMEOUT"), (1, "START_TIMEOUT")])
    assert "its container did not run within 2 s on node kwok-" in status["failures"][0]["message"]
    sweep.wait_until(lambda: not sweep.live_pods, "its pods have stopped")


def test_a_timeout_is_retried_like_a_failure(place: Place) -> None:
    template = a_template(start=NEVER)
    sweep = place.apply(cases={"count": 1}, timeouts={"startSeconds": 1}, retries={"limit": 1}, template=template)
    sweep.wait(lambda status: status.get("reason") == "WaitingToRetry", "the wait for the retry")
    [job] = sweep.jobs
    notes = job["metadata"]["annotations"]
    assert (notes["simjob.dev/failed"], notes["simjob.dev/error-code"]) == ("1", "START_TIMEOUT")
    status = sweep.wait(lambda status: "retrying" in status, "how the attempt ended")
    (shown,) = status["retrying"]["newest"]
    assert (shown["errorCode"], shown["attempt"]) == ("START_TIMEOUT", 0)
    assert shown["message"].startswith("its container did not run within 1 s on node kwok-")
    assert sweep.wait_phase("FAILED")["errorCode"] == "START_TIMEOUT"
    assert [name.rpartition("-")[2] for name in sweep.pod_names] == ["0", "1"]


def test_a_crash_of_the_operator_counts_no_timeout_twice(place: Place, operator: OperatorProcess) -> None:
    timeouts = {"assignSeconds": 3}
    sweep = place.apply(cases={"count": 3}, timeouts=timeouts, retries={"limit": 1}, template=NOWHERE)
    sweep.wait_until(lambda: len(sweep.pods) == 3, "three pods wait for a node")
    operator.kill()
    time.sleep(4)
    operator.start()
    sweep.wait_until(lambda: not sweep.pods, "all have waited too long, by what the API server knows of them")
    operator.kill()
    operator.start()
    status = sweep.wait_phase("FAILED", seconds=60)
    assert (status["errorCode"], status["failedIndexes"]) == ("ASSIGN_TIMEOUT", "0-2")
    assert len(sweep.pod_names) == 6, "two attempts of each case"


@pytest.mark.effect("spec.timeouts.runSeconds")
def test_the_deadline_of_a_pod_is_lowered_when_its_container_runs(place: Place) -> None:
    timeouts = {"startSeconds": 60, "runSeconds": 3}
    sweep = place.apply(cases={"count": 2}, timeouts=timeouts, template=a_template(start=2))
    status = sweep.wait_phase("FAILED")
    assert (status["errorCode"], status["failures"][0]["reason"]) == ("EXECUTION_TIMEOUT", "DeadlineExceeded")
    sweep.wait_until(lambda: failed_for(sweep) == {"DeadlineExceeded"}, "the Jobs say so")
    place.settle()
    for name in sweep.pod_names:
        versions = [seen.object for seen in place.pods.history if seen.name == name]
        limits = list(dict.fromkeys(pod["spec"]["activeDeadlineSeconds"] for pod in versions))
        assert limits == [63, 4], "wide at first, then its time"
        ran = versions[-1]["status"]["containerStatuses"][0]["state"]["terminated"]
        assert 3 <= seconds_between(ran["startedAt"], ran["finishedAt"]) <= 6


def test_the_deadline_applies_during_operator_downtime(place: Place, operator: OperatorProcess) -> None:
    sweep = place.apply(cases={"count": 2}, timeouts={"runSeconds": 4})
    sweep.wait_until(lambda: {pod["spec"]["activeDeadlineSeconds"] for pod in sweep.pods} == {5}, "it is drawn in")
    operator.kill()
    sweep.wait_until(lambda: not sweep.live_pods, "their node has ended them")
    operator.start()
    assert sweep.wait_phase("FAILED")["errorCode"] == "EXECUTION_TIMEOUT"


@pytest.mark.effect("spec.timeouts.totalSeconds")
def test_a_job_that_exceeds_total_seconds_is_stopped_and_fails(place: Place) -> None:
    sweep = place.apply(cases={"count": 40}, parallelism=4, timeouts={"totalSeconds": 4}, template=a_template(stop=1))
    status = sweep.wait_phase("FAILED")
    assert (status["errorCode"], status["reason"], status["isFailed"]) == ("TOTAL_TIMEOUT", "TotalTimeout", True)
    assert (status["cancelledIndexes"], status["cases"]["cancelled"]) == ("0-39", 40)
    assert 4 <= seconds_between(status["startTime"], status["completionTime"]) <= 9
    assert condition(status, "Stalled") == "True"
    sweep.wait_cleared()


def test_total_seconds_can_be_raised_and_exclude_suspensions(place: Place) -> None:
    sweep = place.apply(cases={"count": 2}, timeouts={"totalSeconds": 4})
    sweep.wait_running(2)
    sweep.patch(timeouts={"totalSeconds": 12})
    time.sleep(5)
    assert sweep.status["phase"] == "RUNNING"
    sweep.patch(suspend=True)
    sweep.wait_phase("SUSPENDED")
    time.sleep(8)
    assert sweep.status["phase"] == "SUSPENDED", "its time stands still"
    sweep.patch(suspend=False)
    sweep.wait_running(2)
    assert 7 <= sweep.status["suspendedSeconds"] <= 12
    status = sweep.wait_phase("FAILED")
    assert status["errorCode"] == "TOTAL_TIMEOUT"
    running = seconds_between(status["startTime"], status["completionTime"]) - status["suspendedSeconds"]
    assert 12 <= running <= 17


def test_a_cancel_wins_over_pod_timeouts(place: Place) -> None:
    template = a_template(start=NEVER, stop=3)
    sweep = place.apply(cases={"count": 1}, timeouts={"startSeconds": 2}, retries={"limit": 5}, template=template)
    eventually(lambda: any("deletionTimestamp" in pod["metadata"] for pod in sweep.pods), sweep.explain)
    sweep.cancel()
    status = sweep.wait_phase("CANCELLED")
    assert (status["cancelledIndexes"], len(sweep.pod_names)) == ("0", 1)
