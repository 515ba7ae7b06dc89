from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from given.builders import NOW, UID
from simjob.core.facts import pods
from simjob.core.facts.apiobjects import Pod
from simjob.core.facts.pods import PodFact, PodState

START, END = "2026-01-02T03:04:10Z", "2026-01-02T03:04:20Z"
LABELS = {"simjob.dev/uid": UID, "simjob.dev/index": "7", "simjob.dev/attempt": "2", "simjob.dev/restarts": "1"}

JOB = "sweep-0b0c4fd2-7-1"
OWNER = {"apiVersion": "batch/v1", "kind": "Job", "name": JOB, "uid": "job-uid", "controller": True}


def pod(*, meta: dict[str, Any] | None = None, spec: dict[str, Any] | None = None, **status: Any) -> PodFact | None:
    raw = {
        "metadata": {
            "name": f"{JOB}-2",
            "namespace": "default",
            "uid": "pod-uid",
            "resourceVersion": "42",
            "labels": LABELS,
            "ownerReferences": [OWNER],
            **(meta or {}),
        },
        "spec": spec or {},
        "status": status,
    }
    return pods.pod_fact(msgspec.convert(raw, Pod), NOW)


def fact(**keywords: Any) -> PodFact:
    found = pod(**keywords)
    assert found is not None
    return found


def test_a_pod_is_identified_by_its_name_and_its_job() -> None:
    found = fact()
    assert (found.owner_uid, found.job_uid, found.index, found.attempt, found.version) == (UID, "job-uid", 7, 2, 42)


@pytest.mark.parametrize(
    ("phase", "node", "state"),
    [
        pytest.param("Pending", "", PodState.PENDING, id="pending without a node"),
        pytest.param("Pending", "node-1", PodState.ASSIGNED, id="pending on a node"),
        pytest.param("Running", "node-1", PodState.RUNNING, id="running"),
        pytest.param("Succeeded", "node-1", PodState.SUCCEEDED, id="succeeded"),
        pytest.param("Failed", "", PodState.FAILED, id="failed without a node"),
        pytest.param("Unknown", "node-1", PodState.RUNNING, id="an unreachable node leaves it running"),
        pytest.param("SomethingNew", "node-1", PodState.RUNNING, id="an unknown phase counts as running"),
    ],
)
def test_the_state_of_a_pod_follows_its_phase_and_node(phase: str, node: str, state: PodState) -> None:
    found = fact(spec={"nodeName": node}, phase=phase)
    assert found.state is state
    assert found.live is (state not in (PodState.SUCCEEDED, PodState.FAILED))


@pytest.mark.parametrize(
    ("phase", "grace", "stopped"),
    [
        pytest.param("Running", 30, True, id="deleted while it ran"),
        pytest.param("Pending", 0, True, id="deleted without grace while it was pending"),
        pytest.param("Failed", 30, True, id="deleted and failed within its grace period"),
        pytest.param("Succeeded", 30, True, id="deleted and succeeded within its grace period"),
        pytest.param("Succeeded", 0, False, id="deleted after it had succeeded"),
    ],
)
def test_a_pod_deleted_before_its_end_was_stopped(phase: str, grace: int, stopped: bool) -> None:
    deleted = {"deletionTimestamp": "2026-01-02T03:05:00Z", "deletionGracePeriodSeconds": grace}
    found = fact(meta=deleted, phase=phase)
    assert (found.terminating, found.stopped, found.grace, found.asked_at) == (True, stopped, grace, NOW)


def test_an_eviction_counts_as_a_disruption() -> None:
    found = fact(phase="Failed", reason="Evicted", conditions=[{"type": "DisruptionTarget", "status": "True"}])
    assert (found.disrupted, found.disruption, found.reason) == (True, "DisruptionTarget", "Evicted")
    assert not fact(conditions=[{"type": "DisruptionTarget", "status": "False"}]).disrupted


def test_a_pod_stopped_by_its_node_has_not_succeeded_with_exit_code_0() -> None:
    shutdown = {"type": "DisruptionTarget", "status": "True", "reason": "TerminationByKubelet"}
    assert not fact(phase="Succeeded", reason="Terminated", conditions=[shutdown]).succeeded
    assert fact(phase="Succeeded").succeeded


def test_times_come_from_the_api_server_the_scheduler_and_the_kubelet() -> None:
    scheduled = {"type": "PodScheduled", "status": "True", "lastTransitionTime": START}
    found = fact(
        meta={"creationTimestamp": "2026-01-02T03:04:05Z"},
        spec={"activeDeadlineSeconds": 60},
        startTime=END,
        conditions=[scheduled],
    )
    assert (found.created, found.scheduled, found.accepted, found.deadline) == (
        NOW - timedelta(seconds=55),
        datetime.fromisoformat(START),
        datetime.fromisoformat(END),
        60,
    )
    waiting = fact(conditions=[scheduled | {"status": "False"}])
    assert (waiting.scheduled, waiting.accepted, waiting.started, waiting.deadline) == (None, None, None, None)


SIMULATION = {"name": "simulation", "state": {"terminated": {"exitCode": 0, "startedAt": START, "finishedAt": END}}}
PROXY = {"name": "proxy", "state": {"running": {"startedAt": START}}}
INJECTED: dict[str, Any] = {
    "spec": {"nodeName": "node-1", "containers": [{"name": "proxy"}, {"name": "simulation"}]},
    "phase": "Running",
    "containerStatuses": [PROXY, SIMULATION],
}
MARKED = {"annotations": {"simjob.dev/containers": "simulation"}}


@pytest.mark.parametrize(
    ("status", "meta", "over"),
    [
        pytest.param({}, {}, True, id="its own containers ended"),
        pytest.param({"phase": "Pending"}, {}, True, id="its own containers ended before the pod was running"),
        pytest.param({"phase": "Succeeded"}, {}, False, id="the whole pod ended"),
        pytest.param(
            {"conditions": [{"type": "DisruptionTarget", "status": "True"}]}, {}, False, id="the pod is disrupted"
        ),
        pytest.param(
            {},
            {"deletionTimestamp": "2026-01-02T03:05:00Z", "deletionGracePeriodSeconds": 30},
            False,
            id="the pod is being deleted",
        ),
        pytest.param(
            {"containerStatuses": [PROXY, PROXY | {"name": "simulation"}]}, {}, False, id="the simulation still runs"
        ),
    ],
)
def test_a_pod_is_over_once_the_users_containers_ended_by_themselves(
    status: dict[str, Any], meta: dict[str, Any], over: bool
) -> None:
    found = fact(meta=MARKED | meta, **INJECTED | status)
    assert (found.over_at == NOW) is over


def test_a_pod_held_by_an_injected_container_is_live_and_has_an_outcome() -> None:
    found = fact(meta=MARKED, **INJECTED)
    assert (found.live, found.ended, found.outcome, found.state) == (True, False, PodState.SUCCEEDED, PodState.RUNNING)
    assert found.last_end == datetime.fromisoformat(END)
    assert fact(meta=MARKED, **INJECTED | {"phase": "Failed"}).state is PodState.SUCCEEDED


def test_a_simulation_runs_even_if_an_injected_container_still_waits() -> None:
    waits = {"name": "proxy", "state": {"waiting": {"reason": "ImagePullBackOff"}}}
    runs = {"name": "simulation", "state": {"running": {"startedAt": START}}}
    assert (
        fact(meta=MARKED, **INJECTED | {"phase": "Pending", "containerStatuses": [waits, runs]}).state
        is PodState.RUNNING
    )


def test_an_end_by_the_kubelet_is_distinguished_from_other_ends() -> None:
    for reason, by_kubelet in (("TerminationByKubelet", True), ("EvictionByEvictionAPI", False)):
        condition = {"type": "DisruptionTarget", "status": "True", "reason": reason}
        assert fact(conditions=[condition]).by_kubelet is by_kubelet
