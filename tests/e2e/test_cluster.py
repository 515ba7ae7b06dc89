"""The test cluster itself: what a real node does, what fake nodes do, and that nothing is left behind."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest
from cluster import provider
from cluster.host import processes
from cluster.images import oci
from cluster.life import teardown
from cluster.life.state import State
from cluster.options import Nodes, Options
from cluster.provider import Cluster
from cluster.report import Report

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(os.geteuid() != 0, reason="a real node needs root"),
    pytest.mark.timeout(180),
]

RESTRICTED = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "a"
    teardown.down(State.at(tmp_path / "a"), Report(quiet=True))


@pytest.fixture
def other_folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "b"
    teardown.down(State.at(tmp_path / "b"), Report(quiet=True))


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """One with both kinds of node, for tests that break nothing."""
    found = up(tmp_path_factory.mktemp("cluster"), nodes=Nodes.BOTH, kwok_nodes=3)
    yield found
    found.down()


def up(folder: Path, nodes: Nodes = Nodes.REAL, kwok_nodes: int = 50) -> Cluster:
    return provider.up(Options(state=folder, nodes=nodes, kwok_nodes=kwok_nodes), Report(quiet=True))


def run_pod(cluster: Cluster, name: str, script: str, **spec: object) -> None:
    """Start a pod that runs the script under the strictest settings."""
    container = {
        "name": "main",
        "image": oci.BUSYBOX,
        "command": ["sh", "-c", script],
        "securityContext": RESTRICTED,
    }
    identity = {"runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {"restartPolicy": "Never", "securityContext": identity, "containers": [container], **spec},
    }
    cluster.run_kubectl("create", "-f", "-", stdin=json.dumps(pod))


def fake_pod(cluster: Cluster, name: str, finalizers: tuple[str, ...] = (), **annotations: str) -> None:
    """Start a pod on a fake node, with KWOK's annotations by their short names."""
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "finalizers": list(finalizers),
            "annotations": {f"kwok.simjob.dev/{key.replace('_', '-')}": text for key, text in annotations.items()},
        },
        "spec": {
            "restartPolicy": "Never",
            "containers": [{"name": "main", "image": "none"}],
            "nodeSelector": {"type": "kwok"},
            "tolerations": [{"operator": "Exists"}],
        },
    }
    cluster.run_kubectl("create", "-f", "-", stdin=json.dumps(pod))


def wait_phase(cluster: Cluster, pod: str, phase: str) -> None:
    cluster.run_kubectl("wait", f"pod/{pod}", f"--for=jsonpath={{.status.phase}}={phase}", "--timeout=60s")


def get_pod(cluster: Cluster, name: str) -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = json.loads(cluster.run_kubectl("get", "pod", name, "-o", "json"))
    return found


def eventually(is_true: Callable[[], bool], seconds: float = 20) -> None:
    limit = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < limit
        time.sleep(0.1)


def test_a_pod_runs_under_restricted_settings(cluster: Cluster) -> None:
    run_pod(cluster, "restricted", "id -u; grep Seccomp: /proc/self/status; touch /file 2>&1")
    wait_phase(cluster, "restricted", "Failed")
    assert cluster.run_kubectl("logs", "restricted").splitlines() == [
        "1000",
        "Seccomp:\t2",
        "touch: /file: Read-only file system",
    ]


def test_a_pod_reaches_the_api_at_the_service_address(cluster: Cluster) -> None:
    # Not over TLS: busybox has too old a one. That the server objects shows that it was reached.
    script = """
        ls /var/run/secrets/kubernetes.io/serviceaccount
        wget -O - http://$KUBERNETES_SERVICE_HOST:$KUBERNETES_SERVICE_PORT/version 2>&1 | grep Bad
    """
    run_pod(cluster, "client", script)
    wait_phase(cluster, "client", "Succeeded")
    assert cluster.run_kubectl("logs", "client").splitlines() == [
        "ca.crt",
        "namespace",
        "token",
        "wget: server returned error: HTTP/1.0 400 Bad Request",
    ]


def test_a_pod_gets_sigterm_before_it_is_killed(cluster: Cluster) -> None:
    run_pod(cluster, "polite", "trap 'echo told; exit 3' TERM; echo up; while :; do sleep 0.1; done")
    wait_phase(cluster, "polite", "Running")
    eventually(lambda: "up" in cluster.run_kubectl("logs", "polite"))
    follow = [cluster.kubectl, f"--kubeconfig={cluster.kubeconfig}", "logs", "--follow", "polite"]
    with subprocess.Popen(follow, stdout=subprocess.PIPE, text=True) as following:
        cluster.run_kubectl("delete", "pod", "polite", "--grace-period=20")
        assert following.communicate(timeout=30)[0].split() == ["up", "told"]


def test_exec_works(cluster: Cluster) -> None:
    run_pod(cluster, "busy", "sleep 600")
    wait_phase(cluster, "busy", "Running")
    assert cluster.run_kubectl("exec", "busy", "--", "echo", "hello") == "hello\n"
    cluster.run_kubectl("delete", "pod", "busy", "--grace-period=0", "--force")


def test_a_fake_pod_runs_until_it_is_deleted(cluster: Cluster) -> None:
    fake_pod(cluster, "forever")
    wait_phase(cluster, "forever", "Running")
    started = time.monotonic()
    cluster.run_kubectl("delete", "pod", "forever")
    assert time.monotonic() - started < 2


def test_a_fake_pod_ends_as_its_annotations_say(cluster: Cluster) -> None:
    fake_pod(cluster, "good", run_seconds="2")
    fake_pod(cluster, "bad", run_seconds="0.5", exit_code="7")
    fake_pod(cluster, "long", run_seconds="600")
    wait_phase(cluster, "bad", "Failed")
    wait_phase(cluster, "good", "Succeeded")
    assert ran_seconds(cluster, "good") >= 2
    wait_phase(cluster, "long", "Running")
    cluster.run_kubectl("annotate", "pod", "long", "--overwrite", "kwok.simjob.dev/run-seconds=0")
    wait_phase(cluster, "long", "Succeeded")
    for name, code, reason in (("good", 0, "Completed"), ("bad", 7, "Error")):
        path = "jsonpath={.status.containerStatuses[0].state.terminated.%s}"
        assert cluster.run_kubectl("get", "pod", name, "-o", path % "exitCode") == str(code)
        assert cluster.run_kubectl("get", "pod", name, "-o", path % "reason") == reason
        assert cluster.run_kubectl("get", "pod", name, "-o", path % "startedAt") != ""


def ran_seconds(cluster: Cluster, pod: str) -> float:
    """Return how long a pod's container ran, by its state."""
    path = "jsonpath={.status.containerStatuses[0].state.terminated['startedAt','finishedAt']}"
    begin, end = map(datetime.fromisoformat, cluster.run_kubectl("get", "pod", pod, "-o", path).split())
    return (end - begin).total_seconds()


def test_a_fake_pod_can_take_time_to_stop(cluster: Cluster) -> None:
    fake_pod(cluster, "slow", termination_seconds="2")
    wait_phase(cluster, "slow", "Running")
    started = time.monotonic()
    cluster.run_kubectl("delete", "pod", "slow")
    assert 2 <= time.monotonic() - started < 5


def test_a_fake_pod_stops_when_it_is_told_to(cluster: Cluster) -> None:
    fake_pod(cluster, "waiting", start_seconds="3600", termination_seconds="3600")
    cluster.run_kubectl("annotate", "pod", "waiting", "--overwrite", "kwok.simjob.dev/start-seconds=0")
    wait_phase(cluster, "waiting", "Running")
    cluster.run_kubectl("delete", "pod", "waiting", "--wait=false")
    cluster.run_kubectl("annotate", "pod", "waiting", "--overwrite", "kwok.simjob.dev/termination-seconds=0")
    cluster.run_kubectl("wait", "pod/waiting", "--for=delete", "--timeout=30s")


def test_a_fake_pod_keeps_the_finalizers_of_others(cluster: Cluster) -> None:
    fake_pod(cluster, "held", finalizers=("example.com/hold",))
    wait_phase(cluster, "held", "Running")
    cluster.run_kubectl("delete", "pod", "held", "--wait=false")
    wait_phase(cluster, "held", "Failed")
    assert get_pod(cluster, "held")["metadata"]["finalizers"] == ["example.com/hold"]
    cluster.run_kubectl("patch", "pod", "held", "--type=merge", "-p", '{"metadata":{"finalizers":null}}')
    cluster.run_kubectl("wait", "pod/held", "--for=delete", "--timeout=10s")


def test_two_clusters_live_side_by_side(folder: Path, other_folder: Path) -> None:
    clusters = [up(folder), up(other_folder)]
    for one in clusters:
        run_pod(one, "pod", "echo here")
    for one in clusters:
        wait_phase(one, "pod", "Succeeded")
        assert one.run_kubectl("logs", "pod") == "here\n"
    clusters[0].down()
    run_pod(clusters[1], "second", "echo still here")
    wait_phase(clusters[1], "second", "Succeeded")


def test_up_keeps_what_runs_and_restarts_what_is_dead(folder: Path) -> None:
    cluster = up(folder)
    before = cluster.components()
    assert up(folder).components() == before
    cluster.kill("kubelet")
    cluster.kill("kube-scheduler")
    after = up(folder).components()
    assert {name for name in before if before[name] != after[name]} == {"kubelet", "kube-scheduler"}
    assert all(after.values())


def test_up_applies_changed_options(folder: Path) -> None:
    cluster = up(folder, nodes=Nodes.KWOK, kwok_nodes=2)
    names = ["get", "nodes", "-o", "name"]
    assert cluster.run_kubectl(*names).split() == ["node/kwok-0", "node/kwok-1"]
    cluster = up(folder, nodes=Nodes.BOTH, kwok_nodes=1)
    assert cluster.run_kubectl(*names).split() == ["node/kwok-0", "node/real-0"]
    run_pod(cluster, "pod", "true")
    wait_phase(cluster, "pod", "Succeeded")


def test_up_restores_the_cluster_and_its_data_after_a_kill(folder: Path) -> None:
    cluster = up(folder)
    cluster.run_kubectl("create", "configmap", "kept")
    run_pod(cluster, "before", "sleep 600")
    wait_phase(cluster, "before", "Running")
    killed = processes.marked(cluster.state.id)
    for pid in killed:
        processes.send(pid, signal.SIGKILL)
    assert processes.wait_gone(killed, 10), "a process needs a moment to end, even by SIGKILL"
    cluster = up(folder)
    assert all(cluster.components().values())
    cluster.run_kubectl("get", "configmap", "kept")
    run_pod(cluster, "after", "true")
    wait_phase(cluster, "after", "Succeeded")


def test_pulling_the_plug_of_a_node_ends_its_pods(folder: Path) -> None:
    # With fake nodes too: if every node is lost, Kubernetes blames the network and evicts nothing.
    cluster = up(folder, nodes=Nodes.BOTH, kwok_nodes=3)
    run_pod(cluster, "pod", "sleep 600")
    wait_phase(cluster, "pod", "Running")
    cluster.kill("node")
    assert [name for name, pid in cluster.components().items() if pid is None] == [
        "node",
        "containerd",
        "kubelet",
        "kube-proxy",
    ]
    # The node is missed after 16 s, its pods are evicted 10 s later, and wait for it to confirm that.
    cluster.run_kubectl("wait", "pod/pod", "--for=jsonpath={.metadata.deletionTimestamp}", "--timeout=60s")
    up(folder)
    cluster.run_kubectl("wait", "pod/pod", "--for=delete", "--timeout=60s")


def test_down_leaves_nothing_behind_after_a_crash(folder: Path) -> None:
    cluster = up(folder)
    run_pod(cluster, "stubborn", "trap '' TERM; while :; do sleep 1; done")
    wait_phase(cluster, "stubborn", "Running")
    cluster.kill("kubelet")
    cluster.kill("containerd")
    assert teardown.leftovers(cluster.state) != []
    cluster.down()
    assert teardown.leftovers(cluster.state) == []
    assert str(folder) not in Path("/proc/self/mountinfo").read_text()
    cluster.down()


def test_down_needs_no_state_folder(folder: Path) -> None:
    cluster = up(folder)
    subprocess.run(["rm", "-rf", folder], check=True)
    cluster.down()
    assert teardown.leftovers(cluster.state) == []


@pytest.mark.parametrize("after", [0.2, 0.5, 1.5, 4.0])
def test_an_interrupted_up_stops_what_it_started(folder: Path, after: float) -> None:
    # Tests that a shell runs in the background ignore SIGINT, and so would what they start, until Python is awake.
    command = [
        "env",
        "--default-signal=INT",
        sys.executable,
        "-m",
        "cluster",
        "up",
        "--nodes=real",
        f"--state={folder}",
    ]
    environment = os.environ | {"PYTHONPATH": str(Path(provider.__file__).parent.parent)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        time.sleep(after)
        running.send_signal(signal.SIGINT)
        assert running.wait(timeout=30) != 0
    assert teardown.leftovers(State.at(folder)) == []
