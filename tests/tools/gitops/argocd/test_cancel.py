"""Cancel under Argo CD: by a patch and by a commit, in time and too late."""

from typing import Final

import pytest
from integration.gitops.gitops import Tools, in_git
from integration.support.client import Object
from integration.support.operator_process import OperatorProcess
from integration.support.sweeps import Place, a_template, eventually
from tools.gitops.argocd.application import Application
from tools.gitops.sweeps import CANCEL, SHORT, named, only, submitter, sweep_of, two

pytestmark = pytest.mark.tools

IGNORED: Final = {
    "group": "simjob.dev",
    "kind": "SimulationJob",
    "jsonPointers": ["/spec/cancel", "/spec/cancelReason"],
}


def test_self_heal_keeps_a_cancel_that_is_not_in_git(application: Application, tools: Tools) -> None:
    application.apply(only())
    sweep = tools.sweep()
    sweep.wait_running(3)
    tools.patch(CANCEL)
    sweep.wait_phase("CANCELLED")
    application.refresh()
    assert tools.read()["spec"]["cancel"] is True


def test_self_heal_resets_a_cancel_that_is_false_in_git_and_the_sweep_stays_cancelled(
    application: Application, tools: Tools
) -> None:
    application.apply(only(cancel=False))
    sweep = tools.sweep()
    sweep.wait_running(3)
    tools.patch(CANCEL)
    sweep.wait_phase("CANCELLED")
    eventually(lambda: tools.read()["spec"]["cancel"] is False, application.explain)
    assert sweep.status["phase"] == "CANCELLED"


def test_a_cancel_that_self_heal_resets_before_an_operator_sees_it_is_lost(
    application: Application, tools: Tools, operator: OperatorProcess
) -> None:
    application.apply(only(cancel=False, template=a_template(run=20)))
    sweep = tools.sweep()
    sweep.wait_running(3)
    operator.stop()
    tools.patch(CANCEL)
    eventually(lambda: tools.read()["spec"]["cancel"] is False, application.explain)
    operator.start()
    assert "cancellation" not in sweep.wait_phase("COMPLETED", seconds=60)


@pytest.mark.usefixtures("attribution")
def test_with_attribution_a_cancel_that_self_heal_resets_is_never_lost(
    application: Application, tools: Tools, operator: OperatorProcess
) -> None:
    application.apply(only(cancel=False))
    sweep = tools.sweep()
    sweep.wait_running(3)
    operator.stop()
    tools.patch(CANCEL)
    eventually(lambda: tools.read()["spec"]["cancel"] is False, application.explain)
    operator.start()
    sweep.wait_phase("CANCELLED")


def test_argo_cd_keeps_a_cancel_that_it_ignores(application: Application, tools: Tools) -> None:
    application.apply(only(cancel=False), "RespectIgnoreDifferences=true", ignoreDifferences=[IGNORED])
    sweep = tools.sweep()
    sweep.wait_running(3)
    tools.patch(CANCEL)
    sweep.wait_phase("CANCELLED")
    application.wait_synced(application.commit(only(cancel=False, parallelism=7)))
    assert tools.read()["spec"]["parallelism"] == 7
    assert tools.read()["spec"]["cancel"] is True


def test_a_sync_that_replaces_removes_a_cancel_and_the_sweep_stays_cancelled(
    application: Application, tools: Tools
) -> None:
    application.apply(only(), "Replace=true")
    sweep = tools.sweep()
    sweep.wait_running(3)
    tools.patch(CANCEL)
    sweep.wait_phase("CANCELLED")
    application.wait_synced(application.commit(only(parallelism=7)))
    assert not {"cancel", "cancelReason"} & tools.read()["spec"].keys()
    assert sweep.status["phase"] == "CANCELLED"


def test_a_committed_cancel_is_carried_out_and_may_be_reverted(application: Application, place: Place) -> None:
    application.apply(only())
    sweep = sweep_of(place)
    sweep.wait_running(3)
    application.wait_synced(application.commit(only(cancel=True, cancelReason="wrong mesh")))
    found = sweep.wait_phase("CANCELLED")["cancellation"]
    assert (found["requestedBy"], found["reason"]) == ("field manager argocd-controller", "wrong mesh")
    application.wait_synced(application.commit(only()))
    assert sweep.status["phase"] == "CANCELLED"


def test_a_late_committed_cancel_is_tried_again_and_holds_up_no_other(application: Application, place: Place) -> None:
    short = in_git(template=SHORT)
    application.apply(two(short, named("tail")))
    sweep_of(place).wait_phase("COMPLETED")
    tail = sweep_of(place, "tail")
    tail.wait_running(3)
    application.commit(two(in_git(template=SHORT, cancel=True), named("tail", cancel=True)))
    tail.wait_phase("CANCELLED")
    eventually(lambda: application.operation.get("retryCount") == 1, application.explain, seconds=60)
    eventually(lambda: application.operation.get("phase") == "Failed", application.explain, seconds=60)
    assert "the SimulationJob is already COMPLETED" in str(application.operation)
    application.wait_synced(application.commit(two(short, named("tail", cancel=True))))


def test_a_committed_cancel_of_all_cases_is_never_too_late(application: Application, place: Place) -> None:
    application.apply(two(in_git(template=SHORT), named("tail")))
    sweep_of(place).wait_phase("COMPLETED")
    tail = sweep_of(place, "tail")
    tail.wait_running(3)
    every: Object = {"cancelCases": "0-99999", "cancelReason": "wrong mesh"}
    files = two(in_git(template=SHORT, **every), named("tail", **every))
    application.wait_synced(application.commit(files))
    assert tail.wait_phase("CANCELLED")["cancellation"]["reason"] == "wrong mesh"
    assert sweep_of(place).status["phase"] == "COMPLETED"


@pytest.mark.usefixtures("late_cancels_are_accepted")
def test_with_the_component_a_late_cancel_changes_nothing_and_is_no_drift(
    application: Application, place: Place
) -> None:
    application.apply(only(template=SHORT))
    sweep_of(place).wait_phase("COMPLETED")
    revision = application.commit(only(template=SHORT, cancel=True))
    application.wait_synced(revision)
    application.refresh()
    application.wait_synced(revision)
    assert sweep_of(place).status["phase"] == "COMPLETED"


@pytest.mark.usefixtures("attribution", "late_cancels_are_accepted")
def test_with_both_components_a_committed_cancel_names_the_account_and_a_late_one_changes_nothing(
    application: Application, place: Place
) -> None:
    application.apply(two(in_git(template=SHORT), named("tail")))
    sweep, tail = sweep_of(place), sweep_of(place, "tail")
    sweep.wait_phase("COMPLETED")
    tail.wait_running(3)
    late = two(in_git(template=SHORT, cancel=True), named("tail", cancel=True))
    revision = application.commit(late)
    application.wait_synced(revision)
    assert tail.wait_phase("CANCELLED")["cancellation"]["requestedBy"] == submitter(tail)
    application.refresh()
    application.wait_synced(revision)
    assert sweep.status["phase"] == "COMPLETED"
