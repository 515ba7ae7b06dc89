"""What waits for a SimulationJob under Argo CD: sync waves, hooks, and commits behind them."""

import time
from typing import Any, Final

import pytest
from integration.gitops.gitops import in_git
from integration.support.client import Object
from integration.support.sweeps import Place, Sweep, a_template, eventually
from tools.gitops.argocd.application import Application
from tools.gitops.sweeps import FAILING, sweep_of

pytestmark = pytest.mark.tools

FIRST: Final = {"argocd.argoproj.io/sync-wave": "-1"}
HOOK: Final = {"argocd.argoproj.io/hook": "PreSync"}
REPORT: Final[Object] = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "report"}}
LONG: Final = a_template(stop=1)


def before_the_report(notes: dict[str, str], **spec: Any) -> dict[str, Object]:
    """Make a repository with a sweep, which comes first by its annotations, and a report."""
    return {"wing/sweep.yaml": in_git(annotations=notes, **spec), "wing/report.yaml": REPORT}


def is_reported(place: Place) -> bool:
    return place.client.find(f"/api/v1/namespaces/{place.name}/configmaps/report") is not None


def running(application: Application, place: Place, notes: dict[str, str], template: Object) -> Sweep:
    """Deploy a sweep that a report waits for, and return it when it runs."""
    application.deploy(before_the_report(notes, template=template))
    sweep = sweep_of(place)
    sweep.wait_running(3)
    assert not is_reported(place)
    return sweep


@pytest.mark.parametrize("notes", [FIRST, HOOK], ids=["wave", "hook"])
def test_what_comes_after_a_sweep_waits_for_its_completion(
    application: Application, place: Place, notes: dict[str, str]
) -> None:
    sweep = running(application, place, notes, a_template(run=10))
    sweep.wait_phase("COMPLETED")
    eventually(lambda: is_reported(place), application.explain, seconds=60)


@pytest.mark.parametrize("notes", [FIRST, HOOK], ids=["wave", "hook"])
def test_what_comes_after_a_sweep_does_not_go_on_when_it_failed(
    application: Application, place: Place, notes: dict[str, str]
) -> None:
    application.deploy(before_the_report(notes, template=FAILING))
    eventually(lambda: application.operation.get("phase") == "Failed", application.explain, seconds=60)
    assert not is_reported(place)


def test_what_comes_after_a_sweep_goes_on_when_it_is_cancelled(application: Application, place: Place) -> None:
    sweep = running(application, place, FIRST, LONG)
    sweep.cancel()
    eventually(lambda: is_reported(place), application.explain, seconds=60)


@pytest.mark.usefixtures("without_the_check")
def test_without_the_check_nothing_waits_for_a_sweep(application: Application, place: Place) -> None:
    application.deploy(before_the_report(FIRST, template=LONG))
    eventually(lambda: is_reported(place), application.explain, seconds=60)
    assert not sweep_of(place).status.get("isTerminal")


def test_a_suspended_sweep_holds_up_what_comes_after_it(application: Application, place: Place) -> None:
    sweep = running(application, place, FIRST, LONG)
    sweep.patch(suspend=True)
    application.wait_health("Suspended")
    time.sleep(3)
    assert not is_reported(place)
    assert application.operation["phase"] == "Running"


def test_a_committed_cancel_waits_behind_a_wave_until_the_sync_is_terminated(
    application: Application, place: Place
) -> None:
    sweep = running(application, place, FIRST, LONG)
    application.commit(before_the_report(FIRST, template=LONG, cancel=True))
    time.sleep(5)
    assert "cancel" not in place.client.get(sweep.path)["spec"]
    application.terminate()
    sweep.wait_phase("CANCELLED")


def test_an_application_is_not_deleted_while_a_wave_waits(application: Application, place: Place) -> None:
    sweep = running(application, place, FIRST, LONG)
    application.delete()
    time.sleep(5)
    assert application.exists
    assert len(sweep.running_pods) == 3
    application.terminate()
    eventually(lambda: not application.exists, lambda: "it is not deleted", seconds=60)
    assert place.client.find(sweep.path) is None


def test_terminating_a_sync_deletes_the_sweep_of_its_hook(application: Application, place: Place) -> None:
    # By default Argo CD also deletes a hook before the next sync creates it again.
    kept = {**HOOK, "argocd.argoproj.io/hook-delete-policy": "HookSucceeded"}
    sweep = running(application, place, kept, LONG)
    application.terminate()
    sweep.wait_until(lambda: sweep.uid not in str(place.client.find(sweep.path)), "it is deleted")
