"""A SimulationJob that is deleted takes everything with it."""

import pytest
from cluster.provider import Cluster
from integration.support.operator_process import OperatorProcess
from integration.support.sweeps import HELD, Place, a_template

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("propagation", ["Background", "Foreground"])
def test_deleting_a_simulationjob_deletes_its_pods_and_jobs(place: Place, propagation: str) -> None:
    sweep = place.apply(cases={"count": 8}, parallelism=4, template=a_template(stop=2))
    sweep.wait_running(4)
    sweep.delete(propagation)
    sweep.wait_cleared()
    sweep.wait_until(lambda: place.client.find(sweep.path) is None, "the SimulationJob is gone")


def test_deleting_with_orphan_leaves_the_children_alone(place: Place, operator: OperatorProcess) -> None:
    sweep = place.apply(cases={"count": 8}, parallelism=4)
    sweep.wait_running(4)
    sweep.delete("Orphan")
    sweep.wait_until(lambda: place.client.find(sweep.path) is None, "the SimulationJob is gone")
    operator.stop()
    operator.start()
    other = place.apply("other", template=a_template(run=1))
    other.wait_phase("COMPLETED")
    assert (len(sweep.running_pods), len(sweep.jobs), len(sweep.pod_names)) == (4, 4, 4)
    assert not any("ownerReferences" in job["metadata"] for job in sweep.jobs)


def test_children_of_a_simulationjob_deleted_during_downtime_are_removed(
    place: Place, operator: OperatorProcess, kwok_cluster: Cluster
) -> None:
    sweep = place.apply(cases={"count": 8}, parallelism=4, template=a_template(stop=1))
    sweep.wait_running(4)
    operator.stop()
    # Nor is the garbage collector there to do it.
    kwok_cluster.kill("kube-controller-manager")
    try:
        sweep.delete()
        sweep.wait_until(lambda: place.client.find(sweep.path) is None, "the SimulationJob is gone")
        operator.start()
        sweep.wait_cleared(seconds=60)
    finally:
        kwok_cluster.start("kube-controller-manager")


def test_a_simulationjob_can_be_deleted_during_its_cancel(place: Place) -> None:
    sweep = place.apply(template=a_template(stop=HELD))
    sweep.wait_running(3)
    sweep.cancel()
    sweep.wait_phase("CANCELLING")
    sweep.delete()
    sweep.let_stop()
    sweep.wait_cleared()


def test_a_simulationjob_recreated_under_the_same_name_starts_afresh(place: Place) -> None:
    first = place.apply(template=a_template(stop=2))
    first.wait_running(3)
    first.delete()
    second = place.apply(template=a_template(run=1))
    status = second.wait_phase("COMPLETED")
    assert status["succeededIndexes"] == "0-2"
    first.wait_cleared()
