"""How many cases may fail, which exit codes are not retried, and cases that run again and again."""

import pytest
from integration.support.operator_process import OperatorProcess
from integration.support.sweeps import Place, Sweep, a_template, failed_for

pytestmark = pytest.mark.integration

FAILING = a_template(run=1, exit_code=7)


def wait_attempts(sweep: Sweep, number: int) -> None:
    sweep.wait_until(lambda: len(sweep.pod_names) >= number, f"it runs for the {number}. time")


@pytest.mark.effect("spec.retries.nonRetryableExitCodes[]")
def test_a_non_retried_exit_code_fails_its_case_at_once(place: Place) -> None:
    sweep = place.apply(cases={"count": 2}, retries={"limit": 9, "nonRetryableExitCodes": [7]}, template=FAILING)
    status = sweep.wait_phase("FAILED")
    assert [(failure["errorCode"], failure["exitCode"]) for failure in status["failures"]] == [("CASE_FAILED", 7)] * 2
    assert len(sweep.pod_names) == 2, "one attempt each"
    sweep.wait_until(lambda: failed_for(sweep) == {"PodFailurePolicy"}, "the Jobs say so")


@pytest.mark.effect("spec.failurePolicy.maxFailedCases")
@pytest.mark.parametrize(
    ("maximum", "phase", "reason"),
    [
        pytest.param(2, "FAILED", "CasesFailed", id="one failure too many"),
        pytest.param(3, "COMPLETED", "CasesFinished", id="as many failures as allowed"),
        pytest.param("99%", "FAILED", "CasesFailed", id="a percentage rounds down"),
    ],
)
def test_a_sweep_completes_up_to_max_failed_cases(place: Place, maximum: int | str, phase: str, reason: str) -> None:
    sweep = place.apply(failurePolicy={"maxFailedCases": maximum}, template=FAILING)
    status = sweep.wait_phase(phase)
    assert (status["reason"], status["failedIndexes"]) == (reason, "0-2")


@pytest.mark.effect("spec.failurePolicy.onExceeded")
@pytest.mark.parametrize("killed", [False, True])
def test_cancel_remaining_cancels_the_others_after_one_failure_too_many(
    place: Place, operator: OperatorProcess, killed: bool
) -> None:
    policy = {"maxFailedCases": "10%", "onExceeded": "CancelRemaining"}
    sweep = place.apply(cases={"count": 20}, parallelism=2, failurePolicy=policy, template=FAILING)
    if killed:
        sweep.wait_until(lambda: sweep.status.get("cases", {}).get("failed", 0) >= 1, "one has failed")
        operator.kill()
        operator.start()
    status = sweep.wait_phase("FAILED")
    assert (status["reason"], status["errorCode"]) == ("TooManyCasesFailed", "CASE_FAILED")
    counts = status["cases"]
    assert 3 <= counts["failed"] <= 4
    assert counts["failed"] + counts["cancelled"] == 20
    assert len(sweep.pod_names) <= 6


@pytest.mark.effect("spec.task")
def test_a_persistent_case_restarts_after_any_exit_code_until_it_is_cancelled(
    place: Place, operator: OperatorProcess
) -> None:
    ending_well = place.apply("well", cases={"count": 1}, task="Persistent", template=a_template(run=1))
    failing = place.apply("badly", cases={"count": 1}, task="Persistent", template=FAILING)
    for sweep in (ending_well, failing):
        wait_attempts(sweep, 3)
        status = sweep.wait_phase("RUNNING")
        assert (status["failedIndexes"], status["succeededIndexes"]) == ("", "")
    operator.kill()
    operator.start()
    for sweep in (ending_well, failing):
        wait_attempts(sweep, 4)
        sweep.cancel()
        assert sweep.wait_phase("CANCELLED")["cancelledIndexes"] == "0"
        attempts = [int(name.rpartition("-")[2]) for name in sweep.pod_names]
        assert attempts == list(range(len(attempts))), "one after the other, each once"


def test_a_persistent_case_fails_after_too_many_timeouts(place: Place) -> None:
    sweep = place.apply(cases={"count": 1}, task="Persistent", timeouts={"runSeconds": 1})
    status = sweep.wait_phase("FAILED")
    assert (status["errorCode"], status["failedIndexes"]) == ("EXECUTION_TIMEOUT", "0")
