"""Preemption and eviction by the real Kueue: no failure is counted, and evicted cases run again."""

from typing import Any

import pytest
from integration.queues.queueing import job_of
from integration.support.client import Object
from integration.support.sweeps import Place, Sweep
from tools.kueue.queues import TEAM, Queues, assert_no_failure, most_live, one_cpu, reason_of

pytestmark = pytest.mark.tools

# A counted failure or disruption would end the sweep.
NO_RETRIES = {"limit": 0, "maxDisruptions": 0}
TOLERATION = {"key": "pool", "operator": "Equal", "value": "spot", "effect": "NoSchedule"}


def test_a_preempted_sweep_counts_no_failure_and_runs_again(place: Place, queues: Queues) -> None:
    queues.make(cpus=2, preemption={"withinClusterQueue": "LowerPriority"})
    low, high = queues.make_priority("low", 10), queues.make_priority("high", 1000)
    given: dict[str, Any] = {"cases": {"count": 2}, "queueName": TEAM, "retries": NO_RETRIES}
    patient = place.apply("patient", queuePriorityClassName=low, template=one_cpu(run=10, stop=1), **given)
    patient.wait_running(2)
    urgent = place.apply("urgent", queuePriorityClassName=high, template=one_cpu(run=20), **given)
    urgent.wait_running(2)
    message = reason_of(patient, "was evicted, Preempted: Preempted to accommodate a workload")["message"]
    assert any(job["metadata"]["uid"] in message for job in urgent.jobs), "it names the Job that took the place"
    assert patient.wait_phase("PENDING")["cases"]["pending"] == 2
    assert urgent.wait_phase("COMPLETED", seconds=60)["succeededIndexes"] == "0-1"
    patient.wait_running(2)
    assert_no_failure(patient)
    assert [queues.evictions(patient, index) for index in (0, 1)] == [{"Preempted": 1}] * 2
    assert patient.wait_phase("COMPLETED")["succeededIndexes"] == "0-1"
    assert_no_failure(patient)
    assert len(patient.pod_names) == 4
    assert most_live(place) == 2


def test_a_drained_queue_evicts_running_cases_without_a_failure(place: Place, queues: Queues) -> None:
    queues.make(cpus=2)
    sweep = place.apply(cases={"count": 3}, queueName=TEAM, retries=NO_RETRIES, template=one_cpu(stop=1))
    sweep.wait_running(2)
    queues.patch(stopPolicy="HoldAndDrain")
    reason_of(sweep, "was evicted, ClusterQueueStopped: The ClusterQueue is stopped")
    sweep.wait_phase("PENDING")
    assert_no_failure(sweep)
    queues.patch(stopPolicy="None")
    sweep.wait_running(2)
    sweep.wait_phase("RUNNING")
    assert_no_failure(sweep)
    sweep.cancel()
    sweep.wait_phase("CANCELLED")
    assert most_live(place) == 2


def test_the_flavor_of_an_admitted_case_is_in_its_pod_and_is_removed_after_an_eviction(
    place: Place, queues: Queues
) -> None:
    def on(node: str) -> Object:
        return {"nodeLabels": {"kubernetes.io/hostname": node}, "tolerations": [TOLERATION]}

    queues.make(1, on("kwok-3"), on("kwok-4"))
    other = {"key": "ours", "operator": "Exists", "effect": "NoSchedule"}
    template = one_cpu(stop=1, nodeSelector={"type": "kwok"}, tolerations=[other])
    sweep = place.apply(cases={"count": 1}, queueName=TEAM, retries=NO_RETRIES, template=template)
    sweep.wait_running(1)
    assert _placing(sweep.running_pods[0]["spec"]) == ("kwok-3", ["ours", "pool"])
    queues.patch(stopPolicy="HoldAndDrain")
    sweep.wait_until(lambda: _placing(_template(sweep)) == (None, ["ours"]), "Kueue restores the template")
    assert _template(sweep)["nodeSelector"] == {"type": "kwok"}
    quotas = [
        {"name": f"{place.name}-{index}", "resources": [{"name": "cpu", "nominalQuota": cpus}]}
        for index, cpus in enumerate("01")
    ]
    queues.patch(stopPolicy="None", resourceGroups=[{"coveredResources": ["cpu"], "flavors": quotas}])
    sweep.wait_running(1)
    assert _placing(sweep.running_pods[0]["spec"]) == ("kwok-4", ["ours", "pool"])
    assert_no_failure(sweep)
    sweep.cancel()
    sweep.wait_phase("CANCELLED")


def test_a_case_over_its_time_in_the_queue_is_deactivated_and_counts_no_failure(place: Place, queues: Queues) -> None:
    queues.make(cpus=1)
    sweep = place.apply(
        cases={"count": 1},
        queueName=TEAM,
        queueMaxExecTimeSeconds=6,
        retries=NO_RETRIES,
        template=one_cpu(stop=1),
    )
    sweep.wait_running(1)
    workload = queues.workload(sweep, 0)
    assert workload
    assert workload["spec"]["maximumExecutionTimeSeconds"] == 6
    message = reason_of(sweep, "case 0 is deactivated: The workload is deactivated due to exceeding the maximum")[
        "message"
    ]
    assert f"set `spec.active` of Workload {workload['metadata']['name']} to true" in message
    sweep.wait_phase("PENDING")
    queues.wait_free()
    assert_no_failure(sweep)
    sweep.cancel()
    sweep.wait_phase("CANCELLED")


def _template(sweep: Sweep) -> Object:
    found: Object = job_of(sweep, 0)["spec"]["template"]["spec"]
    return found


def _placing(spec: Object) -> tuple[str | None, list[str]]:
    """Return the node and the keys of the tolerations of ours and of the flavor."""
    keys = {each["key"] for each in spec.get("tolerations", [])} & {"ours", "pool"}
    return spec.get("nodeSelector", {}).get("kubernetes.io/hostname"), sorted(keys)
