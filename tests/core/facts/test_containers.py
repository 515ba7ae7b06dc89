from datetime import datetime
from typing import Any

import msgspec
import pytest
from simjob.core.facts import containers
from simjob.core.facts.apiobjects import Pod
from simjob.core.facts.containers import Reading

T = [f"2026-01-02T03:04:{second:02}Z" for second in range(60)]
PROXY_ALWAYS = [{"name": "proxy", "restartPolicy": "Always"}]


def reading(
    *,
    marked: str | None = "simulation",
    spec: list[str] | None = None,
    init: Any = (),
    gates: Any = (),
    deadline: int = 0,
    **status: Any,
) -> Reading:
    """Read a pod; `marked`: the operator's annotation, `spec`: the names of the containers."""
    raw = {
        "metadata": {"name": "pod", "uid": "u", "annotations": {"simjob.dev/containers": marked} if marked else {}},
        "spec": {
            "containers": [{"name": name} for name in (spec or ["simulation"])],
            "initContainers": list(init),
            "schedulingGates": [{"name": name} for name in gates],
            "activeDeadlineSeconds": deadline or None,
        },
        "status": status,
    }
    return containers.read(msgspec.convert(raw, Pod))


def ended(code: int, at: int = 20, *, name: str = "simulation", reason: str = "", message: str = "") -> dict[str, Any]:
    end = {"exitCode": code, "reason": reason, "message": message, "startedAt": T[10], "finishedAt": T[at]}
    return {"name": name, "image": f"{name}:1", "state": {"terminated": end}}


def waiting(reason: str, *, name: str = "simulation", message: str = "") -> dict[str, Any]:
    return {"name": name, "state": {"waiting": {"reason": reason, "message": message}}}


def running(name: str = "simulation") -> dict[str, Any]:
    return {"name": name, "state": {"running": {"startedAt": T[9]}}}


FULL = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "full"}


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        pytest.param(
            {"containerStatuses": [ended(137, reason="OOMKilled", message="big")]},
            {"exit_code": 137, "reason": "OOMKilled", "message": "big"},
            id="a container that ended",
        ),
        pytest.param(
            {
                "phase": "Failed",
                "containerStatuses": [ended(1, reason="Error")],
                "reason": "Evicted",
                "message": "disk",
            },
            {"exit_code": 1, "reason": "Evicted", "message": "disk"},
            id="an eviction explains more than its container",
        ),
        pytest.param(
            {"containerStatuses": [waiting("ImagePullBackOff", message="no such")]},
            {"exit_code": None, "reason": "ImagePullBackOff", "message": "no such"},
            id="a container that waits for its image",
        ),
        pytest.param(
            {"containerStatuses": [waiting("ContainerCreating")]},
            {"exit_code": None, "reason": "", "message": ""},
            id="a container that is being created needs no explanation",
        ),
        pytest.param(
            {"conditions": [FULL]},
            {"exit_code": None, "reason": "Unschedulable", "message": "full"},
            id="a pod without a node",
        ),
        pytest.param(
            {"phase": "Failed", "reason": "OutOfcpu", "message": "full"},
            {"exit_code": None, "reason": "OutOfcpu", "message": "full"},
            id="a pod that the kubelet rejected",
        ),
        pytest.param(
            {"phase": "Succeeded"},
            {"exit_code": 0, "reason": "", "message": ""},
            id="a success without container states",
        ),
        pytest.param({}, {"exit_code": None, "reason": "", "message": ""}, id="an empty status"),
    ],
)
def test_the_state_of_a_pod_is_explained(status: dict[str, Any], expected: dict[str, Any]) -> None:
    found = reading(**status)
    assert {"exit_code": found.exit_code, "reason": found.reason, "message": found.message} == expected
    assert found.container == ""


def test_a_gated_pod_is_explained_by_its_gates() -> None:
    words = "Scheduling is blocked due to non-empty scheduling gates"
    gated = {"type": "PodScheduled", "status": "False", "reason": "SchedulingGated", "message": words}
    found = reading(gates=["kueue.x-k8s.io/topology", "example.org/licence"], conditions=[gated])
    assert (found.reason, found.message) == ("SchedulingGated", "kueue.x-k8s.io/topology, example.org/licence")
    assert reading(conditions=[gated]).message == words


@pytest.mark.parametrize(
    ("statuses", "code", "container"),
    [
        # The kubelet sorts statuses by name.
        pytest.param([ended(1, 15, name="exporter"), ended(137, 20)], 137, "", id="the simulation failed"),
        pytest.param([ended(1, 20, name="exporter"), ended(0, 15)], 1, "exporter", id="another user container failed"),
        pytest.param(
            [ended(1, 20, name="exporter"), ended(0, 15), ended(4, 18, name="viewer")],
            4,
            "viewer",
            id="the first of two failed user containers",
        ),
        pytest.param(
            [ended(9, 12, name="istio-proxy"), ended(0, 15), ended(3, 20, name="viewer")],
            3,
            "viewer",
            id="an injected container is ignored for a user's one",
        ),
        pytest.param(
            [ended(9, 12, name="istio-proxy"), ended(2, 15)],
            2,
            "",
            id="an injected container is ignored for the simulation",
        ),
    ],
)
def test_the_simulation_or_the_first_failed_user_container_explains_a_failure(
    statuses: list[dict[str, Any]], code: int, container: str
) -> None:
    found = reading(
        marked="simulation,exporter,viewer",
        spec=["istio-proxy", "simulation", "exporter", "viewer"],
        phase="Failed",
        containerStatuses=statuses,
    )
    assert (found.exit_code, found.container) == (code, container)


def test_an_init_container_that_failed_is_named() -> None:
    found = reading(
        init=[{"name": "fetch"}],
        phase="Failed",
        initContainerStatuses=[ended(3, name="fetch", reason="Error", message="no data")],
        containerStatuses=[waiting("PodInitializing")],
    )
    assert (found.exit_code, found.container, found.reason, found.message) == (3, "fetch", "Error", "no data")
    assert (found.image, found.started, found.over) == ("fetch:1", None, False)


def test_a_native_sidecar_stopped_after_the_simulation_does_not_affect_the_outcome() -> None:
    late = [ended(143, 25, name="proxy")]
    failed = reading(init=PROXY_ALWAYS, phase="Failed", initContainerStatuses=late, containerStatuses=[ended(2)])
    assert (failed.exit_code, failed.container) == (2, "")
    succeeded = reading(init=PROXY_ALWAYS, phase="Succeeded", initContainerStatuses=late, containerStatuses=[ended(0)])
    assert succeeded.exit_code == 0


def test_a_failed_injected_container_does_not_fail_the_case() -> None:
    found = reading(
        spec=["simulation", "istio-proxy"], phase="Failed", containerStatuses=[ended(0), ended(1, name="istio-proxy")]
    )
    assert (found.exit_code, found.container, found.over, found.held) == (0, "", True, False)


@pytest.mark.parametrize(
    ("state", "started", "finished"),
    [
        pytest.param(waiting("ContainerCreating"), None, None, id="it has not started"),
        pytest.param({"name": "simulation", "state": {"running": {"startedAt": T[10]}}}, T[10], None, id="it runs"),
        pytest.param({"name": "simulation", "state": {"running": {}}}, None, None, id="it runs without a start time"),
        pytest.param(ended(1), T[10], T[20], id="it ended"),
        pytest.param(
            {"name": "simulation", "state": {"terminated": {"exitCode": 137, "startedAt": None}}},
            None,
            None,
            id="it ended without times",
        ),
    ],
)
@pytest.mark.parametrize("position", [0, 1])
def test_run_times_come_from_the_simulation_despite_injected_containers(
    state: dict[str, Any], started: str | None, finished: str | None, position: int
) -> None:
    spec = ["simulation", "exporter"]
    spec.insert(position, "a-proxy")
    found = reading(marked="simulation,exporter", spec=spec, containerStatuses=[running("a-proxy"), state])
    assert (found.started, found.finished) == (
        datetime.fromisoformat(started) if started else None,
        datetime.fromisoformat(finished) if finished else None,
    )


def test_the_result_is_the_simulations_termination_message() -> None:
    statuses = [ended(0, name="a-proxy", message="bye"), ended(0, message='{"drag": 0.3}')]
    assert reading(spec=["a-proxy", "simulation"], containerStatuses=statuses).result == '{"drag": 0.3}'


@pytest.mark.parametrize("marked", [None, "", "renamed", "renamed,simulation"])
def test_without_a_valid_container_annotation_every_container_counts_as_the_users(marked: str | None) -> None:
    found = reading(
        marked=marked,
        spec=["simulation", "istio-proxy"],
        containerStatuses=[running("istio-proxy"), ended(0, message="{}")],
    )
    assert (found.result, found.over, found.held) == ("{}", False, False)


@pytest.mark.parametrize(
    ("others", "over", "held"),
    [
        pytest.param([running("exporter"), running("istio-proxy")], False, False, id="a user container still runs"),
        pytest.param(
            [ended(0, 25, name="exporter"), running("istio-proxy")], True, True, id="only the injected container runs"
        ),
        pytest.param(
            [ended(0, 25, name="exporter"), waiting("ImagePullBackOff", name="istio-proxy")],
            True,
            True,
            id="the injected container waits for its image",
        ),
        pytest.param([ended(0, 25, name="exporter")], True, True, id="the injected container has no state yet"),
        pytest.param(
            [ended(0, 25, name="exporter"), ended(0, name="istio-proxy")], True, False, id="all containers ended"
        ),
    ],
)
def test_an_injected_container_holds_a_pod_whose_own_containers_ended(
    others: list[dict[str, Any]], over: bool, held: bool
) -> None:
    found = reading(
        marked="simulation,exporter",
        spec=["simulation", "exporter", "istio-proxy"],
        phase="Running",
        containerStatuses=[ended(0), *others],
    )
    assert (found.over, found.held) == (over, held)
    assert found.ended == (datetime.fromisoformat(T[25]) if over else None)


def test_a_native_sidecar_does_not_hold_a_pod() -> None:
    found = reading(init=PROXY_ALWAYS, initContainerStatuses=[running("proxy")], containerStatuses=[ended(0)])
    assert (found.over, found.held) == (True, False)


@pytest.mark.parametrize(
    ("code", "at", "exit_code", "reason"),
    [
        # The kubelet accepted the pod at second 0, and the pod has a deadline of 30 s.
        pytest.param(0, 20, 0, "", id="it succeeded before the deadline"),
        pytest.param(3, 20, 3, "Error", id="it failed before the deadline"),
        pytest.param(0, 30, None, "DeadlineExceeded", id="it exited with 0 at the deadline"),
        pytest.param(137, 31, 137, "DeadlineExceeded", id="the deadline killed it"),
    ],
)
def test_a_deadline_that_ended_only_injected_containers_does_not_affect_the_outcome(
    code: int, at: int, exit_code: int | None, reason: str
) -> None:
    found = reading(
        spec=["simulation", "istio-proxy"],
        deadline=30,
        phase="Failed",
        reason="DeadlineExceeded",
        message="too long",
        startTime=T[0],
        containerStatuses=[ended(code, at, reason="Error" if code else ""), ended(137, 32, name="istio-proxy")],
    )
    assert (found.exit_code, found.reason) == (exit_code, reason)


def test_an_eviction_after_exit_code_0_is_not_a_success() -> None:
    found = reading(phase="Failed", reason="Evicted", message="disk", containerStatuses=[ended(0)])
    assert (found.exit_code, found.reason) == (None, "Evicted")


@pytest.mark.parametrize("reason", ["StartError", "ContainerCannotRun", "ContainerStatusUnknown"])
@pytest.mark.parametrize("started", ["1970-01-01T00:00:00Z", None, T[10]])
def test_a_container_that_never_started_has_no_times_and_no_result(reason: str, started: str | None) -> None:
    status = ended(128, reason=reason, message="exec: /opt/solve: not found")
    status["state"]["terminated"]["startedAt"] = started
    found = reading(phase="Failed", containerStatuses=[status])
    assert (found.started, found.finished, found.result) == (None, None, "")
    assert (found.exit_code, found.reason, found.message) == (128, reason, "exec: /opt/solve: not found")


def test_a_zero_start_time_is_ignored() -> None:
    status = ended(1, reason="SomethingNew", message="words of a runtime")
    status["state"]["terminated"]["startedAt"] = "1970-01-01T00:00:00Z"
    found = reading(phase="Failed", containerStatuses=[status])
    assert (found.started, found.finished, found.result) == (None, None, "")
