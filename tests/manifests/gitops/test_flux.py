"""Flux's health checks, by another implementation of CEL."""

from collections.abc import Callable

import pytest
from given import flux
from given.builders import a_job_dict
from given.states import every_state, is_stalled, made
from simjob.api.status import Phase


def verdicts(name: str) -> dict[str, str]:
    return {state: flux.verdict(name, item) for state, item in every_state().items()}


def expected(verdict: Callable[[Phase | None], str]) -> dict[str, str]:
    """Return a verdict on each state by its phase; what is stalled has failed."""
    return {
        state: "Failed" if is_stalled(item) else verdict(item["status"].get("phase"))
        for state, item in every_state().items()
    }


def test_only_a_completed_sweep_lets_others_go_on() -> None:
    ends: dict[Phase | None, str] = {Phase.COMPLETED: "Current", Phase.CANCELLED: "Failed"}
    assert verdicts("completed") == expected(lambda phase: ends.get(phase, "InProgress"))


def test_a_sweep_is_taken_up_as_soon_as_it_has_a_phase() -> None:
    assert verdicts("taken-up") == expected(lambda phase: "Current" if phase else "InProgress")


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
