"""The operator's own pods: what they may do on their node, and that their probes answer."""

from pathlib import Path

import pytest
from cluster.deploy import NAMESPACE
from cluster.errors import ClusterError
from cluster.images import oci
from e2e.support.deployment import REPLICAS, Operator

pytestmark = pytest.mark.e2e


def test_the_operator_runs_as_nobody_and_writes_only_to_tmp(operator: Operator) -> None:
    pods = operator.pods()
    assert len(pods) == REPLICAS
    for pod in pods:
        name = pod["metadata"]["name"]
        assert operator.run("exec", name, "--", "id", "-u") == "65532\n"
        with pytest.raises(ClusterError, match="Read-only file system"):
            operator.run("exec", name, "--", "touch", "/opt/simjob/file")
        operator.run("exec", name, "--", "touch", "/tmp/file")  # noqa: S108 - the container's
        said = Path(f"/proc/{operator.process(pod)}/status").read_text()
        facts = dict(line.split(":\t", 1) for line in said.splitlines() if ":\t" in line)
        assert facts["Uid"].split() == ["65532"] * 4
        assert int(facts["CapEff"], 16) == int(facts["CapBnd"], 16) == 0
        assert (facts["NoNewPrivs"], facts["Seccomp"]) == ("1", "2")


def test_the_operators_namespace_accepts_only_restricted_pods(operator: Operator) -> None:
    label = r"jsonpath={.metadata.labels.pod-security\.kubernetes\.io/enforce}"
    assert operator.kubectl.run("get", "namespace", NAMESPACE, "-o", label) == "restricted"
    with pytest.raises(ClusterError, match='violates PodSecurity "restricted:latest"'):
        operator.run("run", "lax", f"--image={oci.BUSYBOX}", "--dry-run=server")


def test_health_and_readiness_answer(operator: Operator) -> None:
    for pod in operator.pods():
        proxy = f"/api/v1/namespaces/{NAMESPACE}/pods/{pod['metadata']['name']}:8080/proxy"
        for path in ("healthz", "readyz"):
            assert operator.kubectl.run("get", "--raw", f"{proxy}/{path}")
        with pytest.raises(ClusterError):
            operator.kubectl.run("get", "--raw", f"{proxy}/nothing")


def test_the_operators_account_has_only_its_shipped_permissions(operator: Operator) -> None:
    """The operator's account may do what the manifests say, and not a thing more that would matter."""
    account = f"--as=system:serviceaccount:{NAMESPACE}:simjob-operator"
    asked = {
        ("create", "pods"): "yes",
        ("patch", "jobs/status"): "yes",
        ("get", "secrets"): "no",
        ("create", "pods/exec"): "no",
        ("deletecollection", "pods"): "no",
        ("update", "simulationjobs.simjob.dev"): "no",
    }
    said = {(verb, resource): _can_i(operator, verb, resource, account) for verb, resource in asked}
    assert said == asked


def _can_i(operator: Operator, verb: str, resource: str, account: str) -> str:
    name, _, sub = resource.partition("/")
    subresource = [f"--subresource={sub}"] if sub else []
    try:
        return operator.kubectl.run("auth", "can-i", verb, name, *subresource, account).strip()
    except ClusterError:
        return "no"
