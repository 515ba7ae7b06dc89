"""Changes of SimulationJobs that Argo CD deploys: removed, edited, scaled, suspended, expired, forced."""

from itertools import product
from typing import Final

import pytest
from integration.gitops.gitops import Tools, in_git
from integration.support.sweeps import Place, eventually
from tools.gitops.argocd.application import Application
from tools.gitops.sweeps import ODD, SHORT, named, only, sweep_of, two

pytestmark = pytest.mark.tools

SERVER_SIDE: Final = "ServerSideApply=true"
DIFF: Final = {"argocd.argoproj.io/compare-options": "ServerSideDiff=true"}
FORCE: Final = {"argocd.argoproj.io/sync-options": "Force=true,Replace=true"}


def test_argo_cd_prunes_a_running_sweep(application: Application, place: Place) -> None:
    application.apply(two(in_git(), named("tail")))
    sweep = sweep_of(place)
    sweep.wait_running(3)
    application.commit({"wing/tail.yaml": named("tail")})
    sweep.wait_until(lambda: place.client.find(sweep.path) is None, "it is pruned")
    sweep.wait_cleared()


@pytest.mark.parametrize(
    ("options", "notes"),
    [
        pytest.param(options, notes, id=f"{'server' if options else 'client'}-side{', by its diff' if notes else ''}")
        for options, notes in product([(), (SERVER_SIDE,)], [{}, DIFF])
    ],
)
def test_argo_cd_sees_no_drift_in_odd_values(
    application: Application, place: Place, options: tuple[str, ...], notes: dict[str, str]
) -> None:
    revision = application.apply(ODD, *options, notes=notes)
    sweep = sweep_of(place)
    before = place.client.get(sweep.path)["metadata"]["generation"]
    application.refresh()
    application.wait_synced(revision)
    assert place.client.get(sweep.path)["metadata"]["generation"] == before


@pytest.mark.usefixtures("attribution")
def test_argo_cd_sees_no_drift_with_attribution(application: Application, place: Place) -> None:
    revision = application.apply(only())
    sweep = sweep_of(place)
    before = place.client.get(sweep.path)["metadata"]
    application.refresh()
    application.wait_synced(revision)
    after = place.client.get(sweep.path)["metadata"]
    assert after["annotations"]["simjob.dev/submitted-by"] == before["annotations"]["simjob.dev/submitted-by"]
    assert after["generation"] == before["generation"]


def test_a_commit_that_edits_an_immutable_field_is_refused_and_the_sweep_runs_on(
    application: Application, place: Place
) -> None:
    application.apply(only())
    sweep = sweep_of(place)
    sweep.wait_running(3)
    application.commit(only(cases={"count": 4}))
    eventually(lambda: "immutable" in str(application.operation), application.explain, seconds=60)
    assert sweep.status["phase"] == "RUNNING"
    assert len(sweep.running_pods) == 3


def test_force_with_replace_deletes_a_finished_sweep_for_any_change(application: Application, place: Place) -> None:
    application.apply({"wing/sweep.yaml": in_git(template=SHORT, annotations=FORCE)})
    sweep = sweep_of(place)
    sweep.wait_phase("COMPLETED")
    application.commit({"wing/sweep.yaml": in_git(template=SHORT, annotations=FORCE, parallelism=7)})
    eventually(lambda: sweep_of(place).uid != sweep.uid, application.explain, seconds=60)


def test_argo_cd_runs_an_expired_sweep_again(application: Application, place: Place) -> None:
    application.apply(only(template=SHORT, ttlSecondsAfterFinished=1))
    uid = sweep_of(place).uid
    eventually(lambda: sweep_of(place).uid != uid, application.explain, seconds=60)


def test_self_heal_keeps_what_is_scaled_patched_or_suspended_and_is_not_in_git(
    application: Application, tools: Tools
) -> None:
    revision = application.apply(only())
    for change, field, value in (
        (("scale", "simjob", "sweep", "--replicas=7"), "parallelism", 7),
        (("patch", "simjob", "sweep", "--type=merge", '-p={"spec":{"parallelism":9}}'), "parallelism", 9),
        (("patch", "simjob", "sweep", "--type=merge", '-p={"spec":{"suspend":true}}'), "suspend", True),
    ):
        tools.kubectl(*change)
        application.refresh()
        application.wait_synced(revision)
        assert tools.read()["spec"][field] == value
