"""Cancel under GitOps: what becomes of `spec.cancel`, and of the sweep, when Git says otherwise.

docs/gitops.md says what these tests show.
"""

import re
from collections.abc import Iterator

import pytest
from cluster.errors import ClusterError
from cluster.provider import Cluster
from integration.gitops.gitops import FLUX, FLUX_POLICY, Tools, in_git, taken_over
from integration.support import latecancel
from integration.support.client import Client, Object
from integration.support.latecancel import Answer
from integration.support.operator_process import OperatorProcess
from integration.support.sweeps import HELD, Place, Sweep, a_template, condition

pytestmark = pytest.mark.integration

CANCEL = '{"cancel":true,"cancelReason":"wrong mesh"}'
ALREADY = "spec.cancel may not be set: the SimulationJob is already COMPLETED"
SHORT = a_template(run=1)


@pytest.fixture
def tools(kwok_cluster: Cluster, place: Place) -> Tools:
    return Tools(kwok_cluster, place)


HELD_BACK = a_template(stop=HELD)


def latched(sweep: Sweep) -> None:
    """Wait until the operator has seen the cancel; its pods stop when `cancelled` says so."""
    sweep.wait(lambda status: "cancellation" in status, "the latch")


def cancelled(sweep: Sweep, by: str) -> Object:
    sweep.let_stop()
    status = sweep.wait_phase("CANCELLED")
    found = status["cancellation"]
    assert (found["requestedBy"], found.get("reason")) == (f"field manager {by}", "wrong mesh")
    return sweep.client.get(sweep.path)


def test_a_cancel_that_flux_removes_from_the_spec_is_carried_out(tools: Tools) -> None:
    tools.flux(in_git(template=HELD_BACK))
    sweep = tools.sweep()
    sweep.wait_running(3)
    tools.patch(CANCEL)
    latched(sweep)
    tools.flux(in_git(template=HELD_BACK))
    assert not {"cancel", "cancelReason"} & tools.read()["spec"].keys()
    cancelled(sweep, "kubectl-patch")


def test_a_cancel_that_flux_removes_during_operator_downtime_is_lost(tools: Tools, operator: OperatorProcess) -> None:
    tools.flux(in_git())
    sweep = tools.sweep()
    sweep.wait_running(3)
    operator.stop()
    tools.patch(CANCEL)
    tools.flux(in_git())
    operator.start()
    sweep.wait_observed()
    status = sweep.end_all("COMPLETED")
    assert "cancellation" not in status


@pytest.mark.parametrize(
    ("policy", "options", "manager"),
    [
        pytest.param({}, ("--field-manager=flux-client-side-apply",), "flux-client-side-apply", id="field-manager"),
        pytest.param({}, ("--field-manager=anna",), "anna", id="any-manager-but-kubectl"),
        pytest.param({FLUX_POLICY: "Merge"}, (), "kubectl-patch", id="merge-policy"),
    ],
)
def test_flux_keeps_a_cancel_of_another_field_manager_or_with_its_annotation(
    tools: Tools, policy: dict[str, str], options: tuple[str, ...], manager: str
) -> None:
    manifest = in_git(annotations=policy)
    tools.flux(manifest)
    sweep = tools.sweep()
    sweep.wait_running(3)
    tools.patch(CANCEL, *options)
    tools.flux(manifest)
    assert tools.read()["spec"]["cancel"] is True
    assert cancelled(sweep, manager)["spec"]["cancelReason"] == "wrong mesh"


@pytest.mark.parametrize("server_side", [pytest.param(False, id="three-way"), pytest.param(True, id="server-side")])
def test_argo_cd_keeps_a_cancel_that_is_not_in_git(tools: Tools, server_side: bool) -> None:
    tools.argo_cd(in_git(), server_side=server_side)
    sweep = tools.sweep()
    sweep.wait_running(3)
    tools.patch(CANCEL)
    tools.argo_cd(in_git(), server_side=server_side)
    assert tools.read()["spec"]["cancel"] is True
    cancelled(sweep, "kubectl-patch")


@pytest.mark.parametrize("server_side", [pytest.param(False, id="three-way"), pytest.param(True, id="server-side")])
def test_a_cancel_that_argo_cd_resets_to_false_is_carried_out(tools: Tools, server_side: bool) -> None:
    manifest = in_git(cancel=False, template=HELD_BACK)
    tools.argo_cd(manifest, server_side=server_side)
    sweep = tools.sweep()
    sweep.wait_running(3)
    tools.patch(CANCEL)
    latched(sweep)
    tools.argo_cd(manifest, server_side=server_side)
    assert tools.read()["spec"]["cancel"] is False
    cancelled(sweep, "kubectl-patch")


def test_a_cancel_removed_by_kubectl_replace_is_carried_out(tools: Tools) -> None:
    tools.argo_cd(in_git(template=HELD_BACK))
    sweep = tools.sweep()
    sweep.wait_running(3)
    tools.patch(CANCEL)
    latched(sweep)
    tools.kubectl("replace", "-f", "-", stdin=in_git(template=HELD_BACK))
    assert "cancel" not in tools.read()["spec"]
    cancelled(sweep, "kubectl-patch")


def test_flux_undoes_a_suspension_but_no_latched_cancel_of_cases(tools: Tools) -> None:
    tools.flux(in_git())
    sweep = tools.sweep()
    sweep.wait_running(3)
    tools.patch('{"cancelCases":"1"}')
    sweep.wait(lambda status: "cancellingIndexes" in status or status["cases"]["cancelled"] == 1, "the latch")
    tools.flux(in_git())
    status = sweep.wait(lambda status: status["cases"]["cancelled"] == 1, "the cancelled case")
    assert (status["phase"], status["cancelledIndexes"]) == ("RUNNING", "1")
    tools.patch('{"suspend":true}')
    sweep.wait_phase("SUSPENDED")
    tools.flux(in_git())
    sweep.wait_running(2)


def test_a_cancel_in_git_can_stay_there_or_be_removed(tools: Tools) -> None:
    tools.flux(in_git())
    sweep = tools.sweep()
    sweep.wait_running(3)
    stopped = in_git(cancel=True, cancelReason="wrong mesh")
    tools.flux(stopped)
    cancelled(sweep, FLUX)
    tools.flux(stopped)
    tools.flux(in_git())
    status = sweep.wait(lambda status: status["observedGeneration"] == 3, "the commit that took it out")
    assert (status["phase"], status["isFailed"], condition(status, "Stalled")) == ("CANCELLED", False, "False")


@pytest.mark.parametrize("tool", ["flux", "argo_cd"])
def test_a_cancel_committed_after_the_end_is_refused_until_the_commit_is_reverted(tools: Tools, tool: str) -> None:
    sync = getattr(tools, tool)
    sync(in_git(template=SHORT))
    tools.sweep().wait_phase("COMPLETED")
    late = in_git(template=SHORT, cancel=True)
    for _ in range(2):
        with pytest.raises(ClusterError, match=re.escape(ALREADY)):
            sync(late)
    sync(in_git(template=SHORT))
    assert tools.sweep().status["phase"] == "COMPLETED"


@pytest.fixture
def _gitops(kwok_cluster: Cluster, client: Client) -> Iterator[None]:
    with latecancel.answering(kwok_cluster, client, Answer.WARNED):
        yield


@pytest.mark.usefixtures("_gitops")
@pytest.mark.parametrize("tool", ["flux", "argo_cd"])
def test_with_the_component_gitops_a_cancel_committed_after_the_end_is_applied_without_effect(
    tools: Tools, tool: str
) -> None:
    sync = getattr(tools, tool)
    sync(in_git(template=SHORT))
    sweep = tools.sweep()
    sweep.wait_phase("COMPLETED")
    late = in_git(template=SHORT, cancel=True, cancelReason="wrong mesh")
    sync(late)
    sweep.wait(lambda status: status["observedGeneration"] == 2, "the commit is seen")
    sync(late)
    assert tools.read()["metadata"]["generation"] == 2, "no drift"
    sync(in_git(template=SHORT))
    status = sweep.wait(lambda status: status["observedGeneration"] == 3, "the commit that takes it back")
    assert (status["phase"], status["cases"]["succeeded"], "cancellation" in status) == ("COMPLETED", 3, False)


@pytest.mark.parametrize("tool", ["flux", "argo_cd"])
def test_a_commit_that_cancels_all_cases_is_never_refused(tools: Tools, tool: str) -> None:
    sync = getattr(tools, tool)
    every: Object = {"cancelCases": "0-99999", "cancelReason": "wrong mesh"}
    sync(in_git(template=SHORT))
    tools.sweep().wait_phase("COMPLETED")
    sync(in_git(template=SHORT, **every))
    status = tools.sweep().wait(lambda status: status["observedGeneration"] == 2, "the commit is seen")
    assert (status["phase"], status["cases"]["succeeded"]) == ("COMPLETED", 3)
    tools.kubectl("delete", "simjob", "sweep")
    sync(in_git())
    running = tools.sweep()
    running.wait_running(3)
    sync(in_git(**every))
    assert running.wait_phase("CANCELLED")["cancellation"]["reason"] == "wrong mesh"


def test_a_deleted_sweep_that_is_still_in_git_starts_over(tools: Tools) -> None:
    tools.flux(in_git())
    first = tools.sweep()
    first.wait_running(3)
    tools.patch(CANCEL)
    cancelled(first, "kubectl-patch")
    tools.kubectl("delete", "simjob", "sweep")
    tools.flux(in_git())
    second = tools.sweep()
    assert second.uid != first.uid
    second.wait_running(3)


def test_flux_takes_over_the_fields_that_kubectl_owned() -> None:
    flux = {"manager": FLUX, "operation": "Apply", "fieldsV1": {"f:spec": {"f:cases": {}}}}
    patch = {"manager": "kubectl-patch", "operation": "Update", "fieldsV1": {"f:spec": {"f:cancel": {}}}}
    status = {"manager": "kubectl-x", "operation": "Update", "subresource": "status", "fieldsV1": {"f:status": {}}}
    ours = {"manager": "simjob-operator", "operation": "Update", "fieldsV1": {"f:status": {}}}
    merged = {**flux, "fieldsV1": {"f:spec": {"f:cases": {}, "f:cancel": {}}}}
    assert taken_over([flux, patch, status, ours]) == [status, ours, merged]
    assert taken_over([patch]) == [{**patch, "manager": FLUX, "operation": "Apply"}]
    assert taken_over([flux, ours]) == [flux, ours]
