"""What takes too long is stopped, counted and named, even if the operator was down at that time."""

import time
from datetime import UTC, datetime

import pytest
from integration.support.client import Object
from integration.support.operator_process import OperatorProcess
from integration.support.sweeps import HELD, Place, a_template, condition, eventually, failed_for

pytestmark = pytest.mark.integration

NOWHERE = a_template(nodeSelector={"there-is": "none"})


def codes(status: Object) -> list[tuple[int, str]]:
    return sorted((failure["index"], failure["errorCode"]) for failure in status["failures"])


def seconds_between(first: str, second: str) -> float:
    return (datetime.fromisoformat(second) - datetime.fromisoformat(first)).total_seconds()


def wait_since(moment: str, seconds: float) -> None:
    """Wait until this much time has passed since a moment."""
    time.sleep(max(seconds - seconds_between(moment, datetime.now(UTC).isoformat()), 0))


@pytest.mark.effect("spec.timeouts.assignSeconds")
def test_a_pod_that_gets_no_node_in_time_fails_its_case(place: Place) -> None:
    # The scheduler needs a part of this time until it says why.
    sweep = place.apply(cases={"count": 2}, timeouts={"assignSeconds": 4}, template=NOWHERE)
    status = sweep.wait_phase("FAILED")
    assert (status["errorCode"], codes(status)) == ("ASSIGN_TIMEOUT", [(0, "ASSIGN_TIMEOUT"), (1, "ASSIGN_TIMEOUT")])
    message = status["failures"][0]["message"]
    assert message.startswith("no node within 4 s: Unschedulable: 0/"), message
    sweep.wait_until(lambda: not sweep.pods, "its pods are gone")
    sweep.wait_until(lambda: failed_for(sweep) == {"DeadlineExceeded"}, "the Jobs say so")
    assert len(sweep.pod_names) == 2


@pytest.mark.effect("spec.timeouts.startSeconds")
def test_a_container_that_does_not_run_in_time_fails_its_case(place: Place) -> None:
    sweep = place.apply(cases={"count": 2}, timeouts={"startSeconds": 2}, template=a_template(start=HELD))
    status = sweep.wait_phase("FAILED")
    assert (status["errorCode"], codes(status)) == ("START_TIMEOUT", [(0, "START_TIMEOUT"), (1, "START_TIMEOUT")])
    assert "its container did not run within 2 s on node kwok-" in status["failures"][0]["message"]
    sweep.wait_until(lambda: not sweep.live_pods, "its pods have stopped")


def test_a_timeout_is_retried_like_a_failure(place: Place) -> None:
    template = a_template(start=HELD)
    sweep = place.apply(cases={"count": 1}, timeouts={"startSeconds": 1}, retries={"limit": 1}, template=template)
    assert sweep.wait_phase("FAILED")["errorCode"] == "START_TIMEOUT"
    assert "WaitingToRetry" in {status.get("reason") for status in sweep.statuses()}
    notes = [seen.object["metadata"].get("annotations", {}) for seen in place.jobs.history]
    assert ("1", "START_TIMEOUT") in {
        (each.get("simjob.dev/failed"), each.get("simjob.dev/error-code")) for each in notes
    }
    (shown,) = next(status["retrying"]["newest"] for status in sweep.statuses() if "retrying" in status)
    assert (shown["errorCode"], shown["attempt"]) == ("START_TIMEOUT", 0)
    assert shown["message"].startswith("its container did not run within 1 s on node kwok-")
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
    # The operator may take as long to lower the deadline: it ends the pod at the same moment.
    timeouts = {"startSeconds": 60, "runSeconds": 6}
    sweep = place.apply(cases={"count": 2}, timeouts=timeouts, template=a_template(start=2))
    status = sweep.wait_phase("FAILED")
    assert (status["errorCode"], status["failures"][0]["reason"]) == ("EXECUTION_TIMEOUT", "DeadlineExceeded")
    sweep.wait_until(lambda: failed_for(sweep) == {"DeadlineExceeded"}, "the Jobs say so")
    place.settle()
    for name in sweep.pod_names:
        versions = [seen.object for seen in place.pods.history if seen.name == name]
        limits = list(dict.fromkeys(pod["spec"]["activeDeadlineSeconds"] for pod in versions))
        assert limits == [66, 7], "wide at first, then its time"
        ran = versions[-1]["status"]["containerStatuses"][0]["state"]["terminated"]
        assert 6 <= seconds_between(ran["startedAt"], ran["finishedAt"]) <= 9


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
    sweep = place.apply(cases={"count": 2}, timeouts={"totalSeconds": 8})
    sweep.wait_running(2)
    sweep.patch(timeouts={"totalSeconds": 14})
    started = sweep.wait_phase("RUNNING")["startTime"]
    wait_since(started, 9)
    assert sweep.status["phase"] == "RUNNING"
    sweep.patch(suspend=True)
    suspended = suspended_since(sweep.wait_phase("SUSPENDED"))
    wait_since(started, 16)
    assert sweep.status["phase"] == "SUSPENDED", "its time stands still"
    sweep.patch(suspend=False)
    status = sweep.wait(lambda status: "suspendedSeconds" in status, "the time of the suspension")
    assert abs(status["suspendedSeconds"] - seconds_between(suspended, suspended_since(status))) <= 1
    status = sweep.wait_phase("FAILED")
    assert status["errorCode"] == "TOTAL_TIMEOUT"
    running = seconds_between(status["startTime"], status["completionTime"]) - status["suspendedSeconds"]
    assert 14 <= running <= 19


def suspended_since(status: Object) -> str:
    """Return since when the condition Suspended is as it is."""
    return next(str(each["lastTransitionTime"]) for each in status["conditions"] if each["type"] == "Suspended")


def test_a_cancel_wins_over_pod_timeouts(place: Place) -> None:
    template = a_template(start=HELD, stop=HELD)
    sweep = place.apply(cases={"count": 1}, timeouts={"startSeconds": 2}, retries={"limit": 5}, template=template)
    eventually(lambda: any("deletionTimestamp" in pod["metadata"] for pod in sweep.pods), sweep.explain)
    sweep.cancel()
    sweep.wait(lambda status: "cancellation" in status, "the latch")
    sweep.let_stop()
    status = sweep.wait_phase("CANCELLED")
    assert (status["cancelledIndexes"], len(sweep.pod_names)) == ("0", 1)
