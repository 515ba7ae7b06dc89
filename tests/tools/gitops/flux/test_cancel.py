"""Cancel under Flux: by a patch and by a commit, in time and too late."""

from typing import Any

import pytest
from integration.gitops.gitops import FLUX, FLUX_POLICY, Tools, in_git
from integration.support.operator_process import OperatorProcess
from integration.support.sweeps import Place, a_template
from tools.gitops.flux.flux import Deployment
from tools.gitops.sweeps import CANCEL, SHORT, named, only, submitter, sweep_of, two

pytestmark = pytest.mark.tools


def test_flux_removes_a_patched_cancel_that_is_carried_out(deployment: Deployment, tools: Tools) -> None:
    kustomization = deployment.apply(only())
    sweep = tools.sweep()
    sweep.wait_running(3)
    tools.patch(CANCEL)
    sweep.wait_phase("CANCELLED")
    kustomization.reconcile()
    assert not {"cancel", "cancelReason"} & tools.read()["spec"].keys()
    assert sweep.status["phase"] == "CANCELLED"
    assert sweep.status["cancellation"]["reason"] == "wrong mesh"


@pytest.mark.parametrize(
    ("policy", "options"),
    [
        pytest.param({}, ("--field-manager=flux-client-side-apply",), id="field-manager"),
        pytest.param({}, ("--field-manager=anna",), id="any-manager-but-kubectl"),
        pytest.param({FLUX_POLICY: "Merge"}, (), id="merge-policy"),
    ],
)
def test_flux_keeps_a_cancel_of_another_field_manager_or_with_its_annotation(
    deployment: Deployment, tools: Tools, policy: dict[str, str], options: tuple[str, ...]
) -> None:
    kustomization = deployment.apply({"wing/sweep.yaml": in_git(annotations=policy)})
    tools.sweep().wait_running(3)
    tools.patch(CANCEL, *options)
    kustomization.reconcile()
    assert tools.read()["spec"]["cancel"] is True
    tools.sweep().wait_phase("CANCELLED")


def test_flux_ignores_no_cancel_of_kubectl(deployment: Deployment, tools: Tools) -> None:
    kustomization = deployment.apply(only(), ignore=[{"paths": ["/spec/cancel"]}])
    tools.sweep().wait_running(3)
    tools.patch(CANCEL)
    tools.sweep().wait_phase("CANCELLED")
    kustomization.reconcile()
    assert "cancel" not in tools.read()["spec"]


def test_a_patched_cancel_is_lost_if_flux_removes_it_before_an_operator_sees_it(
    deployment: Deployment, tools: Tools, operator: OperatorProcess
) -> None:
    kustomization = deployment.apply(only(template=a_template(run=8)))
    sweep = tools.sweep()
    sweep.wait_running(3)
    operator.stop()
    tools.patch(CANCEL)
    kustomization.reconcile()
    operator.start()
    assert "cancellation" not in sweep.wait_phase("COMPLETED", seconds=60)


@pytest.mark.usefixtures("attribution")
def test_with_attribution_a_cancel_that_flux_removes_is_never_lost(
    deployment: Deployment, tools: Tools, operator: OperatorProcess
) -> None:
    kustomization = deployment.apply(only())
    sweep = tools.sweep()
    sweep.wait_running(3)
    operator.stop()
    tools.patch(CANCEL)
    kustomization.reconcile()
    assert "cancel" not in tools.read()["spec"]
    operator.start()
    sweep.wait_phase("CANCELLED")


def test_a_committed_cancel_is_carried_out_and_may_be_reverted(deployment: Deployment, place: Place) -> None:
    kustomization = deployment.apply(only())
    sweep = sweep_of(place)
    sweep.wait_running(3)
    kustomization.wait_ready(deployment.commit(only(cancel=True, cancelReason="wrong mesh")))
    found = sweep.wait_phase("CANCELLED")["cancellation"]
    assert (found["requestedBy"], found["reason"]) == (f"field manager {FLUX}", "wrong mesh")
    kustomization.wait_ready(deployment.commit(only()))
    assert sweep.status["phase"] == "CANCELLED"


def test_a_late_committed_cancel_holds_up_the_others_until_it_is_reverted(deployment: Deployment, place: Place) -> None:
    short = in_git(template=SHORT)
    kustomization = deployment.apply(two(short, named("tail")))
    sweep_of(place).wait_phase("COMPLETED")
    tail = sweep_of(place, "tail")
    tail.wait_running(3)
    late = two(in_git(template=SHORT, cancel=True), named("tail", cancel=True))
    kustomization.wait_refused(deployment.commit(late), "the SimulationJob is already COMPLETED")
    assert tail.status["phase"] == "RUNNING"
    kustomization.wait_ready(deployment.commit(two(short, named("tail", cancel=True))))
    tail.wait_phase("CANCELLED")


def test_a_committed_cancel_of_all_cases_is_never_too_late(deployment: Deployment, place: Place) -> None:
    kustomization = deployment.apply(two(in_git(template=SHORT), named("tail")))
    sweep_of(place).wait_phase("COMPLETED")
    tail = sweep_of(place, "tail")
    tail.wait_running(3)
    every: dict[str, Any] = {"cancelCases": "0-99999", "cancelReason": "wrong mesh"}
    files = two(in_git(template=SHORT, **every), named("tail", **every))
    kustomization.wait_ready(deployment.commit(files))
    assert tail.wait_phase("CANCELLED")["cancellation"]["reason"] == "wrong mesh"
    assert sweep_of(place).status["phase"] == "COMPLETED"


@pytest.mark.usefixtures("late_cancels_are_accepted")
def test_with_the_component_a_late_cancel_changes_nothing_and_holds_up_nothing(
    deployment: Deployment, place: Place
) -> None:
    kustomization = deployment.apply(two(in_git(template=SHORT), named("tail")))
    sweep_of(place).wait_phase("COMPLETED")
    tail = sweep_of(place, "tail")
    tail.wait_running(3)
    late = two(in_git(template=SHORT, cancel=True), named("tail", cancel=True))
    kustomization.wait_ready(deployment.commit(late))
    tail.wait_phase("CANCELLED")
    assert sweep_of(place).status["phase"] == "COMPLETED"


@pytest.mark.usefixtures("attribution", "late_cancels_are_accepted")
def test_with_both_components_a_committed_cancel_names_the_account_and_a_late_one_changes_nothing(
    deployment: Deployment, place: Place
) -> None:
    kustomization = deployment.apply(two(in_git(template=SHORT), named("tail")))
    sweep, tail = sweep_of(place), sweep_of(place, "tail")
    sweep.wait_phase("COMPLETED")
    tail.wait_running(3)
    late = two(in_git(template=SHORT, cancel=True), named("tail", cancel=True))
    kustomization.wait_ready(deployment.commit(late))
    assert tail.wait_phase("CANCELLED")["cancellation"]["requestedBy"] == submitter(tail)
    generation = place.client.get(sweep.path)["metadata"]["generation"]
    kustomization.reconcile()
    assert place.client.get(sweep.path)["metadata"]["generation"] == generation
    assert sweep.status["phase"] == "COMPLETED"
