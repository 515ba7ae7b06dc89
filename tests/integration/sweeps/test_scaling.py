"""How much of a sweep runs at once: parallelism, `kubectl scale`, suspend and resume."""

import pytest
from cluster.provider import Cluster
from integration.support.sweeps import Place, a_template, condition

pytestmark = pytest.mark.integration


@pytest.mark.effect("spec.parallelism")
def test_parallelism_follows_the_spec_while_cases_run(place: Place, kwok_cluster: Cluster) -> None:
    sweep = place.apply(cases={"count": 9}, parallelism=2)
    sweep.wait_running(2)
    sweep.patch(parallelism=4)
    sweep.wait_running(4)
    sweep.patch(parallelism=0)
    sweep.wait_observed()
    assert len(sweep.running_pods) == 4
    sweep.end_running()
    status = sweep.wait(lambda status: status.get("reason") == "ParallelismIsZero", "ParallelismIsZero")
    assert not sweep.live_pods
    assert status["cases"]["succeeded"] == 4
    assert len(sweep.pod_names) == 4
    scale = ("--namespace", place.name, "scale", f"simulationjob/{sweep.name}")
    kwok_cluster.run_kubectl(*scale, "--replicas=3")
    sweep.wait_running(3)
    kwok_cluster.run_kubectl(*scale, "--replicas=1")
    sweep.wait_observed()
    sweep.end_running()
    sweep.wait(lambda status: status["cases"]["succeeded"] == 7, "three more have ended")
    sweep.wait_running(1)
    kwok_cluster.run_kubectl(*scale, "--current-replicas=1", "--replicas=5")
    sweep.wait_running(2)
    assert sweep.end_all("COMPLETED")["succeededIndexes"] == "0-8"


def test_a_lower_parallelism_stops_nothing_that_runs(place: Place) -> None:
    sweep = place.apply(cases={"count": 4}, parallelism=3)
    sweep.wait_running(3)
    sweep.patch(parallelism=1)
    sweep.wait_observed()
    assert len(sweep.running_pods) == 3
    sweep.end_all("COMPLETED")
    assert len(sweep.pod_names) == 4


@pytest.mark.effect("spec.suspend")
def test_a_suspended_sweep_stops_and_resumes_under_new_names(place: Place) -> None:
    sweep = place.apply(cases={"count": 5}, parallelism=3, template=a_template(stop=2))
    sweep.wait_running(3)
    sweep.patch(suspend=True)
    status = sweep.wait_phase("SUSPENDED")
    assert not sweep.live_pods
    assert not sweep.jobs
    assert (status["cases"]["pending"], condition(status, "Suspended"), condition(status, "Finished")) == (
        5,
        "True",
        "False",
    )
    sweep.patch(suspend=False)
    status = sweep.end_all("COMPLETED")
    assert (status["restarts"], condition(status, "Suspended")) == (1, "False")
    assert len(sweep.pod_names) == 3 + 5


def test_a_sweep_created_suspended_creates_no_job(place: Place) -> None:
    sweep = place.apply(suspend=True, template=a_template(run=1))
    sweep.wait_phase("SUSPENDED")
    assert not sweep.job_names
    sweep.patch(suspend=False)
    sweep.wait_phase("COMPLETED")
