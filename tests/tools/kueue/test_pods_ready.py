"""Kueue's waitForPodsReady: it evicts what does not run in time, and leaves alone what runs."""

import time
from typing import Any

import pytest
from integration.support.sweeps import Place
from tools.kueue.queues import TEAM, Queues, assert_no_failure, one_cpu

pytestmark = pytest.mark.tools

TIMEOUT_SECONDS = 20
CONFIGURATION: dict[str, Any] = {
    "waitForPodsReady": {
        "timeout": f"{TIMEOUT_SECONDS}s",
        "blockAdmission": False,
        # An evicted case does not come back within the test.
        "requeuingStrategy": {"backoffBaseSeconds": 600},
    }
}


def test_running_cases_are_not_evicted_while_another_case_has_no_node(place: Place, queues: Queues) -> None:
    nowhere = {"nodeLabels": {"kubernetes.io/hostname": "there-is-no-such-node"}}
    queues.make(4, {}, nowhere)
    sweep = place.apply(cases={"count": 5}, queueName=TEAM, template=one_cpu(stop=1))
    sweep.wait_running(4)
    sweep.wait_until(lambda: len(sweep.live_pods) == 5, "the last case has a pod without a node")
    (waiting,) = (pod for pod in sweep.live_pods if pod.get("status", {}).get("phase") != "Running")
    late = int(waiting["metadata"]["labels"]["simjob.dev/index"])
    running = sorted({0, 1, 2, 3, 4} - {late})
    uids = {pod["metadata"]["uid"] for pod in sweep.running_pods}
    sweep.wait_until(lambda: queues.evictions(sweep, late) != {}, "Kueue evicts the case without a node", seconds=60)
    time.sleep(5)
    evicted = {index: queues.evictions(sweep, index) for index in range(5)}
    print(f"evictions by case: {evicted}")
    assert evicted == {late: {"PodsReadyTimeout": 1}, **{index: {} for index in running}}
    assert {pod["metadata"]["uid"] for pod in sweep.running_pods} == uids
    assert_no_failure(sweep)
    sweep.cancel()
    sweep.wait_phase("CANCELLED")
