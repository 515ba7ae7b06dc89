from typing import Any

import pytest
from given.builders import NOW, a_job_fact, a_pod_fact, a_started_job, planned, said
from given.outcomes import as_fields
from simjob.api.simulationjob import SimulationJob
from simjob.core.facts.pods import PodState
from simjob.core.plan import DeletePod


def a_rerun_of_nothing(spec: dict[str, Any], **others: Any) -> SimulationJob:
    return a_started_job(status={"caseTable": {}}, cases=None, rerunOf={"name": "old", **spec}, **others)


@pytest.mark.parametrize(
    ("outcomes", "phase", "code"),
    [
        pytest.param({"succeeded": "0-2"}, "COMPLETED", None, id="all cases succeeded"),
        pytest.param({"succeeded": "0,2", "failed": "1"}, "FAILED", "CASES_FAILED", id="one case failed"),
        pytest.param({"failed": "0-2"}, "FAILED", "CASES_FAILED", id="all cases failed"),
    ],
)
def test_a_job_ends_according_to_the_outcomes_of_its_cases(
    outcomes: dict[str, str], phase: str, code: str | None
) -> None:
    plan = planned(a_started_job(status=as_fields(outcomes)))
    status = said(plan)
    assert (status.phase, status.error_code, status.is_terminal, status.completion_time) == (phase, code, True, NOW)
    assert status.is_failed is (phase == "FAILED")
    assert (plan.needs_proof, plan.look_again) == (True, None)


def test_one_write_reports_the_last_outcome_and_the_end() -> None:
    pod = a_pod_fact(2, state=PodState.FAILED, exit_code=137, reason="OOMKilled")
    status = said(planned(a_started_job(status={"succeededIndexes": "0-1"}), a_job_fact(2), pod))
    assert (status.phase, status.progress, str(status.outcomes.failed)) == ("FAILED", "3/3", "2")
    (failure,) = status.failures
    assert (failure.index, failure.name, failure.exit_code, failure.reason) == (2, "2", 137, "OOMKilled")


def test_the_message_of_a_failed_job_names_the_last_case_that_failed_and_why() -> None:
    pod = a_pod_fact(2, state=PodState.FAILED, exit_code=3, reason="Error", message="diverged\nat step 12\n")
    once = said(planned(a_started_job(status={"succeededIndexes": "0-1"}), a_job_fact(2), pod))
    assert once.message == "1 of 3 cases failed; case 2: Error, exit code 3: diverged at step 12"
    twice = said(planned(a_started_job(status={"succeededIndexes": "0", "failedIndexes": "1"}), a_job_fact(2), pod))
    assert twice.message == (
        "2 of 3 cases failed; the last was case 2: Error, exit code 3: diverged at step 12; `status.failures` has more"
    )
    untold = said(planned(a_started_job(status={"succeededIndexes": "0-1", "failedIndexes": "2"})))
    assert untold.message == "1 of 3 cases failed"


def test_a_message_about_one_case_uses_the_singular() -> None:
    job = a_started_job(cases={"count": 1}, status={"succeededIndexes": "0"})
    assert said(planned(job)).message == "the only case succeeded"


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        pytest.param(
            {},
            'no case of the SimulationJob "old" has failed or was cancelled',
            id="failed and cancelled cases are selected",
        ),
        pytest.param(
            {"outcomes": ["Failed"]},
            'no case of the SimulationJob "old" has failed',
            id="only failed cases are selected",
        ),
    ],
)
def test_an_empty_rerun_names_the_job_that_it_reruns(spec: dict[str, Any], words: str) -> None:
    assert said(planned(a_rerun_of_nothing(spec))).message == f"there is nothing to run: {words}"


def test_an_empty_rerun_mentions_its_subset() -> None:
    words = 'no case of the SimulationJob "old" that `subset` names has failed or was cancelled'
    assert said(planned(a_rerun_of_nothing({}, subset="3"))).message == f"there is nothing to run: {words}"


def test_a_job_does_not_end_while_a_pod_is_live() -> None:
    job = a_started_job(status={"succeededIndexes": "0-2"})
    plan = planned(job, a_job_fact(0, succeeded=True), a_pod_fact(0))
    assert (said(plan).phase, plan.actions) == ("RUNNING", (DeletePod(pod=a_pod_fact(0)),))
