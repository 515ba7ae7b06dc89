"""Health of SimulationJobs under Flux, and what waits for it."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from given import flux as shipped
from integration.support.client import Object
from integration.support.operator_process import OperatorProcess
from integration.support.sweeps import Place, Sweep, a_template, eventually
from tools.gitops.flux.flux import Deployment, Flux
from tools.gitops.sweeps import FAILING, UNREADABLE, only, sweep_of

pytestmark = pytest.mark.tools

TAKEN_UP = shipped.kustomization("taken-up")["spec"]["healthCheckExprs"]
COMPLETED = shipped.kustomization("completed")["spec"]["healthCheckExprs"]
REPORT = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "report"}, "data": {"of": "wing"}}


def report_of(place: Place) -> Object | None:
    return place.client.find(f"/api/v1/namespaces/{place.name}/configmaps/report")


@pytest.mark.parametrize(
    ("template", "end"),
    [
        pytest.param(a_template(run=10), None, id="COMPLETED"),
        pytest.param(a_template(stop=1), lambda sweep: sweep.cancel(), id="CANCELLED"),
        pytest.param(a_template(stop=1), lambda sweep: sweep.patch(suspend=True), id="SUSPENDED"),
    ],
)
def test_flux_waits_until_a_sweep_has_stopped(
    deployment: Deployment, place: Place, template: Object, end: Callable[[Sweep], Any] | None
) -> None:
    revision = deployment.commit(only(template=template))
    kustomization = deployment.deploy("wing", wait=True)
    sweep = sweep_of(place)
    kustomization.wait_for_health()
    sweep.wait_running(3)
    assert kustomization.ready["status"] == "Unknown"
    if end is not None:
        end(sweep)
    kustomization.wait_ready(revision)


def test_a_failed_sweep_fails_the_kustomization_at_once(deployment: Deployment, place: Place) -> None:
    revision = deployment.commit(only(template=FAILING))
    kustomization = deployment.deploy("wing", wait=True, timeout="10m", retryInterval="10m")
    sweep_of(place).wait_phase("FAILED")
    kustomization.wait_refused(revision, "Failed")
    assert kustomization.ready["reason"] == "HealthCheckFailed"


@pytest.mark.parametrize("checks", [(), TAKEN_UP, COMPLETED], ids=["kstatus", "taken-up", "completed"])
def test_a_sweep_that_waits_for_a_person_fails_the_kustomization_at_once(
    deployment: Deployment, checks: list[Object]
) -> None:
    revision = deployment.commit(UNREADABLE)
    kustomization = deployment.deploy(
        "wing", wait=True, timeout="10m", retryInterval="10m", healthCheckExprs=list(checks)
    )
    kustomization.wait_refused(revision, "Failed")


def test_a_sweep_that_outlasts_the_timeout_runs_on(deployment: Deployment, place: Place) -> None:
    revision = deployment.commit(only())
    kustomization = deployment.deploy("wing", wait=True, timeout="30s", retryInterval="10m")
    sweep = sweep_of(place)
    sweep.wait_running(3)
    assert "InProgress" in kustomization.wait_refused(revision, "timeout waiting for")
    assert sweep.status["phase"] == "RUNNING"


def test_taken_up_is_ready_while_the_sweep_runs(deployment: Deployment, place: Place) -> None:
    deployment.apply(only(), wait=True, healthCheckExprs=TAKEN_UP)
    sweep_of(place).wait_running(3)
    assert sweep_of(place).status["phase"] == "RUNNING"


def test_taken_up_waits_for_the_operator(deployment: Deployment, place: Place, operator: OperatorProcess) -> None:
    operator.stop()
    revision = deployment.commit(only())
    kustomization = deployment.deploy("wing", wait=True, healthCheckExprs=TAKEN_UP)
    kustomization.wait_for_health()
    assert "phase" not in sweep_of(place).status
    operator.start()
    kustomization.wait_ready(revision)


def test_dependants_go_on_after_completion(deployment: Deployment, place: Place) -> None:
    deployment.commit({**only(template=a_template(run=6)), "report/report.yaml": REPORT})
    deployment.deploy("wing", wait=True, healthCheckExprs=COMPLETED)
    after = deployment.deploy("report", dependsOn=[{"name": f"{deployment.name}-wing"}])
    sweep = sweep_of(place)
    sweep.wait_running(3)
    assert report_of(place) is None
    sweep.wait_phase("COMPLETED")
    eventually(lambda: report_of(place) is not None, lambda: f"no report: {after.status}")


@pytest.mark.parametrize(
    ("template", "cancel"),
    [pytest.param(a_template(stop=1), True, id="CANCELLED"), pytest.param(FAILING, False, id="FAILED")],
)
def test_dependants_do_not_go_on_after_another_end(
    deployment: Deployment, place: Place, template: Object, cancel: bool
) -> None:
    revision = deployment.commit({**only(template=template), "report/report.yaml": REPORT})
    first = deployment.deploy("wing", wait=True, healthCheckExprs=COMPLETED, retryInterval="10m")
    after = deployment.deploy("report", dependsOn=[{"name": f"{deployment.name}-wing"}])
    sweep = sweep_of(place)
    if cancel:
        sweep.wait_running(3)
        sweep.cancel()
    first.wait_refused(revision, "Failed")
    eventually(lambda: "depend" in after.ready.get("message", ""), lambda: f"does not wait: {after.status}")
    assert report_of(place) is None


def test_a_commit_waits_behind_a_health_check(deployment: Deployment, place: Place) -> None:
    deployment.commit(only())
    kustomization = deployment.deploy("wing", wait=True, timeout="30s")
    sweep = sweep_of(place)
    sweep.wait_running(3)
    kustomization.wait_for_health()
    deployment.commit(only(cancel=True))
    time.sleep(5)
    assert "cancel" not in place.client.get(sweep.path)["spec"]
    sweep.wait_phase("CANCELLED", seconds=60)


def test_with_the_feature_gate_a_commit_does_not_wait(flux: Flux, deployment: Deployment, place: Place) -> None:
    with flux.gated("CancelHealthCheckOnNewRevision"):
        deployment.commit(only())
        kustomization = deployment.deploy("wing", wait=True, timeout="10m")
        sweep = sweep_of(place)
        sweep.wait_running(3)
        kustomization.wait_for_health()
        deployment.commit(only(cancel=True))
        sweep.wait_phase("CANCELLED", seconds=30)
