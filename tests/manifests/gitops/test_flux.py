"""Flux's health checks, by another implementation of CEL; tests/tools runs them in Flux itself."""

from collections.abc import Callable

import pytest
from given import flux
from given.builders import a_job_dict
from given.states import Object, every_state, is_stalled, made
from simjob.api.status import Phase


def verdicts(name: str) -> dict[str, str]:
    return {state: flux.verdict(name, item) for state, item in every_state().items()}


def expected(verdict: Callable[[Object], str]) -> dict[str, str]:
    """Return a verdict on each state by its status; what is stalled has failed."""
    return {state: "Failed" if is_stalled(item) else verdict(item["status"]) for state, item in every_state().items()}


def knows_its_cases(status: Object) -> bool:
    return bool(status.get("phase", Phase.PENDING) != Phase.PENDING or status.get("cases", {}).get("total"))


def test_only_a_completed_sweep_lets_others_go_on() -> None:
    ends: dict[Phase | None, str] = {Phase.COMPLETED: "Current", Phase.CANCELLED: "Failed"}
    assert verdicts("completed") == expected(lambda status: ends.get(status.get("phase"), "InProgress"))


def test_a_sweep_is_taken_up_as_soon_as_its_cases_are_known() -> None:
    found = verdicts("taken-up")
    assert found == expected(lambda status: "Current" if knows_its_cases(status) else "InProgress")
    assert found["pending-PreparingCases"] == "InProgress"


@pytest.mark.parametrize("name", ["completed", "taken-up"])
@pytest.mark.parametrize(
    ("phase", "reason"),
    [(Phase.FAILED, "CasesFailed"), (Phase.PENDING, "CasesUnreadable"), (Phase.RUNNING, "UnreadableSpec")],
)
def test_a_sweep_that_failed_or_waits_for_a_person_has_failed(name: str, phase: Phase, reason: str) -> None:
    assert flux.verdict(name, made(phase, reason)) == "Failed"


@pytest.mark.parametrize("name", ["completed", "taken-up"])
def test_a_spec_that_the_operator_has_not_seen_is_in_progress(name: str) -> None:
    assert flux.verdict(name, a_job_dict(status={"observedGeneration": -1})) == "InProgress"
    seen = made(Phase.COMPLETED, "AllCasesSucceeded")
    assert flux.verdict(name, {**seen, "metadata": {**seen["metadata"], "generation": 2}}) == "InProgress"


@pytest.mark.parametrize("name", ["completed", "taken-up"])
def test_the_kustomization_waits_for_sweeps(name: str) -> None:
    found = flux.kustomization(name)
    (check,) = found["spec"]["healthCheckExprs"]
    assert found["spec"]["wait"] is True
    assert {key: check[key] for key in ("apiVersion", "kind")} == {
        key: a_job_dict()[key] for key in ("apiVersion", "kind")
    }
