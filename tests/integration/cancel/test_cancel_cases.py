"""`cancelCases`: some cases are cancelled for good, the others run on."""

import pytest
from cluster.provider import Cluster
from integration.support import client as paths
from integration.support.client import Object
from integration.support.operator_process import OperatorProcess
from integration.support.sweeps import HELD, Place, Sweep, a_template, condition
from simjob.api.sweep.ranges import Ranges

pytestmark = pytest.mark.integration


def indexes(pods: list[Object]) -> list[int]:
    return sorted(int(pod["metadata"]["labels"]["simjob.dev/index"]) for pod in pods)


def wait_cancelled(sweep: Sweep, cases: str) -> Object:
    """Wait until these are cancelled, and hold what is left of them against it."""
    status = sweep.wait(lambda status: status.get("cancelledIndexes") == cases, f"{cases} are cancelled")
    assert not set(indexes(sweep.live_pods)) & set(Ranges.parse(cases))
    return status


@pytest.mark.effect("spec.cancelCases")
def test_cancel_cases_stops_running_and_waiting_cases_and_no_others(place: Place) -> None:
    sweep = place.apply(cases={"count": 6}, parallelism=3, template=a_template(stop=HELD))
    sweep.wait_running(3)
    sweep.wait_phase("RUNNING")
    untouched = {pod["metadata"]["uid"] for pod in sweep.pods if indexes([pod]) != [1]}
    sweep.patch(cancelCases="1,4")
    status = sweep.wait(lambda status: "cancellingIndexes" in status, "case 1 is being cancelled")
    assert (status["cancellingIndexes"], status["cancelledIndexes"], status["phase"]) == ("1", "4", "RUNNING")
    assert status["cases"]["cancelled"] == 1, "a case that still runs is not cancelled yet"
    sweep.let_stop()
    wait_cancelled(sweep, "1,4")
    sweep.wait_until(lambda: indexes(sweep.running_pods) == [0, 2, 3], "case 3 runs in place of case 1")
    assert untouched <= {pod["metadata"]["uid"] for pod in sweep.running_pods}, "nothing happened to them"
    status = sweep.end_all("COMPLETED")
    assert (status["succeededIndexes"], status["cancelledIndexes"]) == ("0,2-3,5", "1,4")
    assert "cancellingIndexes" not in status
    assert "cancellation" not in status, "nobody cancelled the job"
    assert (status["progress"], status["message"]) == ("4/6", "4 of 6 cases succeeded, 2 were cancelled")
    assert (condition(status, "Succeeded"), condition(status, "Cancelled")) == ("True", "False")
    sweep.wait_until(lambda: indexes(sweep.jobs) == [0, 2, 3, 5], "Jobs of cancelled cases are removed")
    assert len(sweep.pod_names) == 5, "case 4 never had a pod"


def test_withdrawing_cancel_cases_changes_nothing(place: Place, kwok_cluster: Cluster) -> None:
    sweep = place.apply(template=a_template(stop=HELD))
    sweep.wait_running(3)
    patch = ("--namespace", place.name, "patch", "simjob", sweep.name, "--type=merge", "-p")
    kwok_cluster.run_kubectl(*patch, '{"spec":{"cancelCases":"0"}}')
    sweep.wait(lambda status: "cancellingIndexes" in status, "case 0 is being cancelled")
    kwok_cluster.run_kubectl(*patch, '{"spec":{"cancelCases":null}}')
    sweep.wait_observed()
    sweep.let_stop()
    wait_cancelled(sweep, "0")
    status = sweep.end_all("COMPLETED")
    assert (status["succeededIndexes"], status["cancelledIndexes"]) == ("1-2", "0")


def test_cases_added_later_are_cancelled_too(place: Place) -> None:
    sweep = place.apply(cases={"count": 5})
    sweep.wait_running(5)
    for named, cancelled in (("3", "3"), ("0-1", "0-1,3"), ("0-3", "0-3")):
        sweep.patch(cancelCases=named)
        wait_cancelled(sweep, cancelled)
    assert sweep.end_all("COMPLETED")["succeededIndexes"] == "4"


def test_ended_cases_keep_their_outcome_and_unknown_indexes_are_reported(place: Place) -> None:
    sweep = place.apply(cases={"count": 4}, parallelism=2)
    sweep.wait_running(2)
    sweep.end_running()
    sweep.wait(lambda status: status.get("cases", {}).get("succeeded") == 2, "two successes")
    sweep.patch(cancelCases="0-1,3,40-49")
    wait_cancelled(sweep, "3")
    status = sweep.end_all("COMPLETED")
    assert (status["succeededIndexes"], status["cancelledIndexes"]) == ("0-2", "3")

    def told() -> list[str]:
        events = place.client.items(paths.events(place.name))
        return [event["note"] for event in events if event["reason"] == "UnknownCases"]

    note = "`cancelCases` names cases that the job does not have: 40-49; it has 0-3"
    sweep.wait_until(lambda: told() == [note], "a warning")


def test_cases_cancelled_at_creation_never_start(place: Place) -> None:
    sweep = place.apply(cases={"count": 4}, cancelCases="3,0-1", template=a_template(run=1))
    status = sweep.wait_phase("COMPLETED")
    assert (status["succeededIndexes"], status["cancelledIndexes"]) == ("2", "0-1,3")
    assert len(sweep.job_names) == len(sweep.pod_names) == 1


def test_cancelling_every_case_cancels_the_job_and_records_the_user(place: Place, kwok_cluster: Cluster) -> None:
    sweep = place.apply(cases={"count": 4}, parallelism=2, template=a_template(stop=HELD))
    sweep.wait_running(2)
    patch = ("--namespace", place.name, "patch", "simjob", sweep.name, "--type=merge", "-p")
    kwok_cluster.run_kubectl(*patch, '{"spec":{"cancelCases":"0-3","cancelReason":"all of them"}}')
    status = sweep.wait_phase("CANCELLING")
    assert (status["cancellation"]["stopping"], status["cancelledIndexes"]) == (2, "2-3")
    sweep.let_stop()
    status = sweep.wait_phase("CANCELLED")
    assert (status["message"], status["cancelledIndexes"]) == (
        "Job is cancelled: 0 cases had finished, 4 were cancelled",
        "0-3",
    )
    cancellation = status["cancellation"]
    assert (cancellation["requestedBy"], cancellation["reason"]) == ("field manager kubectl-patch", "all of them")
    assert {"requestedAt", "finishedAt"} <= cancellation.keys()
    assert (status["isFailed"], condition(status, "Cancelled")) == (False, "True")
    sweep.wait_cleared()


def test_a_suspended_sweep_resumes_without_its_cancelled_cases(place: Place) -> None:
    sweep = place.apply(cases={"count": 3}, suspend=True, template=a_template(run=1))
    sweep.wait_phase("SUSPENDED")
    sweep.patch(cancelCases="0,2")
    assert wait_cancelled(sweep, "0,2")["phase"] == "SUSPENDED"
    sweep.patch(suspend=False)
    assert sweep.wait_phase("COMPLETED")["succeededIndexes"] == "1"
    assert len(sweep.job_names) == 1


def test_the_whole_job_can_be_cancelled_after_some_of_its_cases(place: Place) -> None:
    sweep = place.apply(cases={"count": 5}, parallelism=3, template=a_template(stop=HELD))
    sweep.wait_running(3)
    sweep.patch(cancelCases="0")
    sweep.wait(lambda status: "cancellingIndexes" in status, "case 0 is being cancelled")
    sweep.cancel()
    sweep.wait(lambda status: "cancellation" in status, "the latch")
    sweep.let_stop()
    status = sweep.wait_phase("CANCELLED")
    assert status["cancelledIndexes"] == "0-4"
    assert "cancellingIndexes" not in status
    sweep.wait_cleared()


def test_the_failure_policy_ignores_cancelled_cases(place: Place) -> None:
    sweep = place.apply(cases={"count": 3}, failurePolicy={"maxFailedCases": 0}, template=a_template(stop=1))
    sweep.wait_running(3)
    sweep.patch(cancelCases="0-1")
    wait_cancelled(sweep, "0-1")
    status = sweep.end_all("COMPLETED")
    assert (status["cases"]["cancelled"], status["cases"]["failed"]) == (2, 0)


def test_a_case_in_back_off_is_cancelled_at_once(place: Place) -> None:
    sweep = place.apply(cases={"count": 2}, retries={"limit": 5}, template=a_template(run=1, exit_code=1))
    sweep.wait(lambda status: status.get("reason") == "WaitingToRetry", "the wait for the retry")
    sweep.patch(cancelCases="1")
    wait_cancelled(sweep, "1")
    sweep.wait_until(lambda: indexes(sweep.jobs) == [0], "only the Job of case 0 is left")


def test_cases_are_cancelled_when_the_operator_is_killed_while_they_stop(
    place: Place, operator: OperatorProcess
) -> None:
    sweep = place.apply(cases={"count": 4}, template=a_template(stop=HELD))
    sweep.wait_running(4)
    sweep.patch(cancelCases="1-2")
    sweep.wait(lambda status: "cancellingIndexes" in status, "they are being cancelled")
    operator.kill()
    sweep.patch(cancelCases=None)
    operator.start()
    sweep.let_stop()
    wait_cancelled(sweep, "1-2")
    status = sweep.end_all("COMPLETED")
    assert (status["succeededIndexes"], status["cancelledIndexes"]) == ("0,3", "1-2")
    assert len(sweep.pod_names) == 4


def test_a_request_during_operator_downtime_is_carried_out(place: Place, operator: OperatorProcess) -> None:
    sweep = place.apply(cases={"count": 4}, parallelism=2, template=a_template(stop=1))
    sweep.wait_running(2)
    operator.stop()
    sweep.patch(cancelCases="1,3")
    operator.start()
    wait_cancelled(sweep, "1,3")
    status = sweep.end_all("COMPLETED")
    assert (status["succeededIndexes"], status["cancelledIndexes"]) == ("0,2", "1,3")


def test_cancel_cases_takes_precedence_over_creations(place: Place) -> None:
    sweep = place.apply(cases={"count": 400}, parallelism=400, template=a_template(stop=1))
    sweep.wait_until(lambda: len(sweep.pods) >= 100, "a hundred pods are there", seconds=90)
    sweep.patch(cancelCases="0-9,200-399")
    status = sweep.wait(lambda status: status.get("cancelledIndexes") == "0-9,200-399", "they are cancelled", 90)
    assert status["cases"]["cancelled"] == 210
    sweep.wait_running(190, seconds=90)
    sweep.cancel()
    assert sweep.wait_phase("CANCELLED", seconds=90)["cases"]["cancelled"] == 400


def test_a_descending_range_is_refused_and_stops_nothing(place: Place) -> None:
    sweep = place.apply(template=a_template(run=3))
    with pytest.raises(paths.RefusedError, match="must not run backwards"):
        sweep.patch(cancelCases="3-1")
    assert sweep.wait_phase("COMPLETED")["succeededIndexes"] == "0-2"
