"""Changes of SimulationJobs that Flux deploys: removed, edited, scaled, suspended, expired."""

import pytest
from integration.gitops.gitops import Tools, in_git
from integration.support.sweeps import Place
from tools.gitops.flux.flux import Deployment
from tools.gitops.sweeps import ODD, SHORT, named, only, sweep_of, two

pytestmark = pytest.mark.tools


def test_flux_prunes_a_running_sweep(deployment: Deployment, place: Place) -> None:
    kustomization = deployment.apply(two(in_git(), named("tail")))
    sweep = sweep_of(place)
    sweep.wait_running(3)
    kustomization.wait_ready(deployment.commit({"wing/tail.yaml": named("tail")}))
    assert place.client.find(sweep.path) is None
    sweep.wait_cleared()


def test_flux_sees_no_drift_in_odd_values(deployment: Deployment, place: Place) -> None:
    kustomization = deployment.apply(ODD)
    sweep = sweep_of(place)
    before = place.client.get(sweep.path)["metadata"]["generation"]
    for _ in range(3):
        kustomization.reconcile()
    assert place.client.get(sweep.path)["metadata"]["generation"] == before


@pytest.mark.usefixtures("attribution")
def test_flux_sees_no_drift_with_attribution(deployment: Deployment, place: Place) -> None:
    kustomization = deployment.apply(only())
    sweep = sweep_of(place)
    before = place.client.get(sweep.path)["metadata"]
    for _ in range(2):
        kustomization.reconcile()
    after = place.client.get(sweep.path)["metadata"]
    assert after["annotations"]["simjob.dev/submitted-by"] == before["annotations"]["simjob.dev/submitted-by"]
    assert after["generation"] == before["generation"]


def test_a_commit_that_edits_an_immutable_field_is_refused_and_the_sweep_runs_on(
    deployment: Deployment, place: Place
) -> None:
    kustomization = deployment.apply(only())
    sweep = sweep_of(place)
    sweep.wait_running(3)
    kustomization.wait_refused(deployment.commit(only(cases={"count": 4})), "immutable")
    assert sweep.status["phase"] == "RUNNING"
    assert len(sweep.running_pods) == 3


def test_force_deletes_a_finished_sweep_because_of_a_late_cancel(deployment: Deployment, place: Place) -> None:
    kustomization = deployment.apply(only(template=SHORT), force=True)
    sweep = sweep_of(place)
    sweep.wait_phase("COMPLETED")
    kustomization.wait_ready(deployment.commit(only(template=SHORT, cancel=True)))
    fresh = sweep_of(place)
    assert fresh.uid != sweep.uid
    assert fresh.wait_phase("CANCELLED")["cases"]["succeeded"] == 0


def test_flux_runs_an_expired_sweep_again(deployment: Deployment, place: Place) -> None:
    kustomization = deployment.apply(only(template=SHORT, ttlSecondsAfterFinished=1))
    sweep = sweep_of(place)
    sweep.wait_until(lambda: place.client.find(sweep.path) is None, "it is deleted")
    kustomization.reconcile()
    assert sweep_of(place).uid != sweep.uid


def test_flux_keeps_a_scaled_parallelism_and_resets_a_patched_one(deployment: Deployment, tools: Tools) -> None:
    kustomization = deployment.apply(only())
    tools.kubectl("scale", "simjob", "sweep", "--replicas=7")
    kustomization.reconcile()
    assert tools.read()["spec"]["parallelism"] == 7
    tools.patch('{"parallelism":9}')
    kustomization.reconcile()
    assert tools.read()["spec"]["parallelism"] == 50


def test_flux_undoes_a_suspension_by_kubectl(deployment: Deployment, tools: Tools) -> None:
    kustomization = deployment.apply(only())
    sweep = tools.sweep()
    sweep.wait_running(3)
    tools.patch('{"suspend":true}')
    sweep.wait_phase("SUSPENDED")
    kustomization.reconcile()
    sweep.wait_running(3)


@pytest.mark.parametrize(
    ("notes", "command"), [({}, "echo wing"), ({"kustomize.toolkit.fluxcd.io/substitute": "disabled"}, "echo ${NAME}")]
)
def test_flux_substitutes_variables_in_commands_unless_it_may_not(
    deployment: Deployment, tools: Tools, notes: dict[str, str], command: str
) -> None:
    container = {"name": "simulation", "image": "none", "command": ["sh", "-c", "echo ${NAME}"]}
    manifest = in_git(annotations=notes, template={"spec": {"containers": [container]}})
    deployment.apply({"wing/sweep.yaml": manifest}, postBuild={"substitute": {"NAME": "wing"}})
    assert tools.read()["spec"]["template"]["spec"]["containers"][0]["command"][2] == command
