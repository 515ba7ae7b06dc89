"""The actions of SimulationJobs in Argo CD, by its API server and its command line."""

import pytest
from integration.gitops.gitops import Tools, in_git
from integration.support.client import Object
from integration.support.sweeps import Place
from tools.gitops.argocd.application import Application
from tools.gitops.argocd.argocd import NAMESPACE
from tools.gitops.sweeps import SHORT, named, only, submitter, sweep_of, two

pytestmark = pytest.mark.tools


def events(application: Application) -> list[Object]:
    """List the Events of an Application."""
    found = application.argo.client.get(f"/api/v1/namespaces/{NAMESPACE}/events")["items"]
    return [each for each in found if each["involvedObject"]["name"] == application.name]


def test_suspend_resume_and_cancel_with_a_reason(application: Application, place: Place) -> None:
    application.apply(only())
    sweep = sweep_of(place)
    sweep.wait_running(3)
    assert application.actions() == {"cancel", "suspend"}
    application.act("suspend")
    sweep.wait_phase("SUSPENDED")
    application.wait_health("Suspended")
    assert application.actions() == {"cancel", "resume"}
    application.act("resume")
    sweep.wait_running(3)
    application.act("cancel", reason="wrong mesh")
    assert sweep.wait_phase("CANCELLED")["cancellation"]["reason"] == "wrong mesh"
    assert application.actions() == set()
    (event,) = (each for each in events(application) if "ran action cancel" in each["message"])
    assert event["reason"] == "ResourceActionRan"


def test_self_heal_does_not_undo_an_action(application: Application, tools: Tools) -> None:
    application.apply(two(in_git(), named("tail")))
    application.act("suspend")
    application.act("cancel", name="tail")
    tail = sweep_of(tools.sweep().place, "tail")
    assert tail.wait_phase("CANCELLED")["cancellation"]["reason"] == "cancelled in Argo CD"
    application.refresh()
    assert tools.read()["spec"]["suspend"] is True
    assert tail.client.get(tail.path)["spec"]["cancel"] is True


def test_a_sweep_that_has_ended_has_no_actions(application: Application, place: Place) -> None:
    application.apply(only(template=SHORT))
    sweep_of(place).wait_phase("COMPLETED")
    application.wait_health("Healthy")
    assert application.actions() == set()


def test_the_command_line_runs_an_action(application: Application, place: Place) -> None:
    application.apply(only())
    sweep = sweep_of(place)
    sweep.wait_running(3)
    application.argo.type(
        "app", "actions", "run", application.name, "cancel", "--kind=SimulationJob", "--resource-name=sweep"
    )
    assert sweep.wait_phase("CANCELLED")["cancellation"]["reason"] == "cancelled in Argo CD"


@pytest.mark.usefixtures("attribution")
def test_with_attribution_the_account_of_argo_cd_has_cancelled(application: Application, place: Place) -> None:
    application.apply(only())
    sweep = sweep_of(place)
    sweep.wait_running(3)
    application.act("cancel", reason="wrong mesh")
    found = sweep.wait_phase("CANCELLED")["cancellation"]
    # In this installation, both of Argo CD's servers have the account of the administrator.
    assert (found["requestedBy"], found["reason"]) == (submitter(sweep), "wrong mesh")
