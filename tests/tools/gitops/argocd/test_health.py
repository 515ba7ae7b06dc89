"""Health of SimulationJobs under Argo CD, by the check that this project ships."""

from collections.abc import Callable
from typing import Any

import pytest
from integration.support.client import Object
from integration.support.operator_process import OperatorProcess
from integration.support.sweeps import Place, Sweep, a_template
from tools.gitops.argocd.application import Application
from tools.gitops.sweeps import FAILING, UNREADABLE, only, sweep_of

pytestmark = pytest.mark.tools

LONG = a_template(stop=60)


@pytest.mark.parametrize(
    ("spec", "act", "phase", "health"),
    [
        pytest.param({"parallelism": 0}, None, "PENDING", "Progressing", id="PENDING"),
        pytest.param({"template": a_template(start=60)}, None, "ASSIGNED", "Progressing", id="ASSIGNED"),
        pytest.param({}, None, "RUNNING", "Progressing", id="RUNNING"),
        pytest.param({"template": LONG}, lambda sweep: sweep.cancel(), "CANCELLING", "Progressing", id="CANCELLING"),
        pytest.param({}, lambda sweep: sweep.patch(suspend=True), "SUSPENDED", "Suspended", id="SUSPENDED"),
        pytest.param({}, lambda sweep: sweep.cancel(), "CANCELLED", "Healthy", id="CANCELLED"),
        pytest.param({"template": a_template(run=1)}, None, "COMPLETED", "Healthy", id="COMPLETED"),
        pytest.param({"template": FAILING}, None, "FAILED", "Degraded", id="FAILED"),
    ],
)
def test_health_follows_the_phase(
    application: Application,
    place: Place,
    spec: dict[str, Any],
    act: Callable[[Sweep], Object] | None,
    phase: str,
    health: str,
) -> None:
    application.apply(only(**spec))
    sweep = sweep_of(place)
    if act is not None:
        sweep.wait_running(3)
        act(sweep)
    sweep.wait_phase(phase)
    application.wait_health(health)
    assert sweep.status["phase"] == phase


def test_a_sweep_that_no_operator_has_seen_is_progressing(
    application: Application, place: Place, operator: OperatorProcess
) -> None:
    operator.stop()
    application.apply(only())
    application.wait_health("Progressing")
    assert "phase" not in sweep_of(place).status
    operator.start()


def test_a_sweep_that_waits_for_a_person_is_degraded(application: Application, place: Place) -> None:
    application.apply(UNREADABLE)
    application.wait_health("Degraded")
    assert sweep_of(place).status["reason"] == "CasesUnreadable"


@pytest.mark.usefixtures("without_the_check")
def test_without_the_check_a_failed_sweep_is_healthy(application: Application, place: Place) -> None:
    application.apply(only(template=FAILING))
    sweep_of(place).wait_phase("FAILED")
    application.refresh()
    application.wait_health("Healthy")
