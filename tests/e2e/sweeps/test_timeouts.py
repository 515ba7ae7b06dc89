"""Time-outs on a real node: no node, no image, no end."""

from datetime import datetime

import pytest
from e2e.support import node
from e2e.support.deployment import Operator
from e2e.support.namespace import Namespace
from e2e.support.sweep import FOREVER, manifest
from integration.support.watching import Seen

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]


def ran(pod: Seen) -> float:
    """Say how long a pod's container ran, by its kubelet's clock."""
    state = pod.object["status"]["containerStatuses"][0]["state"]["terminated"]
    begin, end = (datetime.fromisoformat(state[key]) for key in ("startedAt", "finishedAt"))
    return (end - begin).total_seconds()


@pytest.mark.effect("spec.timeouts.runSeconds")
def test_the_kubelet_enforces_the_run_time_during_operator_downtime(namespace: Namespace, operator: Operator) -> None:
    # Longer than the operator needs to leave.
    sweep = namespace.sweep(FOREVER, timeouts={"runSeconds": 20})
    pod = sweep.pod(0)
    sweep.wait(lambda: sweep.pods()[0].object["spec"]["activeDeadlineSeconds"] < 60, "its deadline is drawn in")
    with operator.away():
        sweep.wait(lambda: not node.processes(pod.uid), "its processes have ended")
        sweep.wait(lambda: sweep.pods()[0].phase == "Failed", "its kubelet says so", 30)
        assert sweep.status["phase"] == "RUNNING", "nobody has told"
    status = sweep.wait_phase("FAILED")
    (failure,) = status["failures"]
    assert (status["errorCode"], failure["errorCode"], failure["reason"]) == (
        "EXECUTION_TIMEOUT",
        "EXECUTION_TIMEOUT",
        "DeadlineExceeded",
    )
    assert 20 <= ran(sweep.pods()[0]) <= 32


def test_exit_code_0_after_a_deadline_is_still_a_timeout(namespace: Namespace) -> None:
    sweep = namespace.sweep("trap 'exit 0' TERM; sleep 3600 & wait", timeouts={"runSeconds": 3})
    status = sweep.wait_phase("FAILED")
    assert (status["errorCode"], status["failedIndexes"]) == ("EXECUTION_TIMEOUT", "0")


@pytest.mark.effect("spec.timeouts.startSeconds")
def test_an_unpullable_image_causes_a_start_timeout(namespace: Namespace) -> None:
    body = manifest("sweep", "true", 5, {"timeouts": {"startSeconds": 6}})
    body["spec"]["template"]["spec"]["containers"][0]["image"] = "registry.invalid/no/such:1"
    sweep = namespace.apply(body)
    status = sweep.wait_phase("FAILED")
    assert status["errorCode"] == "START_TIMEOUT"
    assert "its container did not run within 6 s on node " in status["failures"][0]["message"]
    sweep.wait(lambda: not sweep.pods(), "its pod is gone")


@pytest.mark.effect("spec.timeouts.assignSeconds")
def test_an_unavailable_gpu_causes_a_scheduling_timeout(namespace: Namespace) -> None:
    resources = {"gpu": {"count": 1, "product": "NVIDIA-NONE"}}
    # The scheduler needs a part of this time until it says why.
    sweep = namespace.sweep(FOREVER, timeouts={"assignSeconds": 6}, resources=resources)
    status = sweep.wait_phase("FAILED")
    assert status["errorCode"] == "ASSIGN_TIMEOUT"
    assert "no node within 6 s: Unschedulable" in status["failures"][0]["message"]


@pytest.mark.effect("spec.retries.nonRetryableExitCodes[]")
def test_only_retryable_exit_codes_are_retried(namespace: Namespace) -> None:
    script = "case $SIMJOB_CASE_INDEX$HOSTNAME in 0*) exit 2;; *-1) exit 0;; esac; exit 3"
    retries = {"limit": 3, "nonRetryableExitCodes": [2]}
    sweep = namespace.sweep(script, cases={"count": 2}, retries=retries)
    status = sweep.wait_phase("FAILED")
    (failure,) = status["failures"]
    assert (failure["index"], failure["exitCode"], status["succeededIndexes"]) == (0, 2, "1")
    namespace.settle()
    assert len({seen.uid for seen in namespace.pods.history}) == 3, "one attempt of case 0, two of case 1"
    reason = "jsonpath={.status.conditions[?(@.type=='Failed')].reason}"
    assert namespace.run("get", "job", sweep.job(0), "-o", reason) == "PodFailurePolicy"
