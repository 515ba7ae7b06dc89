from typing import Any

import pytest
from given.builders import CREATED, a_job_fact, a_pod_fact, a_started_job, planned, said
from given.outcomes import as_fields, outcomes_of
from simjob.api.simulationjob import SimulationJob
from simjob.core.facts.pods import PodState
from simjob.core.plan import CreateCase, DeletePod

FAILED: dict[str, Any] = {"state": PodState.FAILED, "exit_code": 1}


def sweep(
    maximum: int | str, *, outcomes: dict[str, str], cancel_remaining: bool = False, **status: Any
) -> SimulationJob:
    policy = {"maxFailedCases": maximum, "onExceeded": "CancelRemaining" if cancel_remaining else "Continue"}
    return a_started_job(cases={"count": 10}, failurePolicy=policy, status={**as_fields(outcomes), **status})


@pytest.mark.parametrize(
    ("maximum", "failed", "phase"),
    [
        pytest.param(0, "0", "FAILED", id="1 of 10 failed, none may"),
        pytest.param(1, "0", "COMPLETED", id="1 of 10 failed, 1 may"),
        pytest.param(1, "0-1", "FAILED", id="2 of 10 failed, 1 may"),
        pytest.param("10%", "0", "COMPLETED", id="1 of 10 failed, 10 % may"),
        pytest.param("19%", "0-1", "FAILED", id="2 of 10 failed, 19 % may"),
        pytest.param("20%", "0-1", "COMPLETED", id="2 of 10 failed, 20 % may"),
        pytest.param("100%", "0-9", "COMPLETED", id="all failed, 100 % may"),
    ],
)
def test_a_job_fails_only_above_the_allowed_number_of_failed_cases(maximum: int | str, failed: str, phase: str) -> None:
    succeeded = "" if failed == "0-9" else f"{int(failed[-1]) + 1}-9"
    status = said(planned(sweep(maximum, outcomes={"failed": failed, "succeeded": succeeded})))
    assert (status.phase, status.is_failed) == (phase, phase == "FAILED")
    assert status.error_code == ("CASES_FAILED" if phase == "FAILED" else None)


def test_a_completed_job_mentions_its_tolerated_failures() -> None:
    status = said(planned(sweep(1, outcomes={"failed": "0", "succeeded": "1-8", "cancelled": "9"})))
    assert (status.phase, status.reason) == ("COMPLETED", "CasesFinished")
    assert status.message == "8 of 10 cases succeeded, 1 failed (`maxFailedCases` allows it), 1 was cancelled"


def test_failures_do_not_keep_other_cases_from_starting() -> None:
    plan = planned(sweep(0, outcomes={"failed": "0-4"}))
    assert [action.index for action in plan.actions if isinstance(action, CreateCase)] == [5, 6, 7, 8, 9]


def test_cancel_remaining_stops_the_other_cases_after_one_failure_too_many() -> None:
    job = sweep(1, outcomes={"failed": "0"}, cancel_remaining=True)
    assert [type(action) for action in planned(job).actions] == [CreateCase] * 9
    plan = planned(job, a_job_fact(1), a_pod_fact(1, **FAILED), a_job_fact(2), a_pod_fact(2))
    assert plan.actions[0] == DeletePod(pod=a_pod_fact(2))
    assert not [action for action in plan.actions if isinstance(action, CreateCase)]
    assert (said(plan).phase, said(plan).reason, str(said(plan).outcomes.failed)) == (
        "RUNNING",
        "TooManyCasesFailed",
        "0-1",
    )


def test_cancel_remaining_cancels_the_unfinished_cases() -> None:
    plan = planned(sweep(0, outcomes={"succeeded": "0-3", "failed": "4"}, cancel_remaining=True))
    status = said(plan)
    assert (status.phase, status.reason, status.error_code) == ("FAILED", "TooManyCasesFailed", "CASES_FAILED")
    assert outcomes_of(status.to_api()) == {"succeeded": "0-3", "failed": "4", "cancelled": "5-9"}
    assert plan.needs_proof


def test_without_unfinished_cases_the_reason_is_cases_failed() -> None:
    status = said(planned(sweep(0, outcomes={"succeeded": "0-8", "failed": "9"}, cancel_remaining=True)))
    assert (status.phase, status.reason) == ("FAILED", "CasesFailed")


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        pytest.param([], "CASES_FAILED", id="without records the code is the general one"),
        pytest.param(["CASE_FAILED"], "CASE_FAILED", id="the only record decides"),
        pytest.param(["CASE_FAILED", "CASE_FAILED"], "CASE_FAILED", id="two failures share the code of a failed case"),
        pytest.param(
            ["START_TIMEOUT", "START_TIMEOUT"], "START_TIMEOUT", id="two failures share the code of a start timeout"
        ),
        pytest.param(["START_TIMEOUT", "CASE_FAILED"], "CASES_FAILED", id="different codes give the general one"),
        pytest.param(["LOST"], "LOST", id="the only record of lost pods decides"),
        pytest.param([None, None], "CASE_FAILED", id="records without a code count as failed cases"),
    ],
)
def test_a_failed_job_has_the_error_code_that_all_its_failures_share(codes: list[str | None], expected: str) -> None:
    failures = [{"index": index, "finishedAt": CREATED, "errorCode": code} for index, code in enumerate(codes)]
    job = sweep(0, outcomes={"failed": "0-1", "succeeded": "2-9"}, failures=failures)
    assert said(planned(job)).error_code == expected
    stopping = sweep(0, outcomes={"failed": "0-1", "succeeded": "2-8"}, cancel_remaining=True, failures=failures)
    assert said(planned(stopping)).error_code == expected
