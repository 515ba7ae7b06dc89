"""What keeps cases from running is in the reason and message of status."""

import json

import pytest
from cluster.errors import ClusterError
from e2e.support.namespace import Namespace
from e2e.support.sweep import manifest

pytestmark = pytest.mark.e2e

# Nobody listens there, so that pulling fails at once.
MISSING = "127.0.0.1:9/simulations/missing:1"
QUOTA = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}}}


def test_a_missing_image_is_named(namespace: Namespace) -> None:
    body = manifest("sweep", "true", 5, {})
    body["spec"]["template"]["spec"]["containers"][0]["image"] = MISSING
    sweep = namespace.apply(body)
    message = sweep.wait_message("ImagePullFailed")
    assert message.startswith(f'case 0 cannot start: its image "{MISSING}" cannot be pulled: ')
    assert message.endswith("connect: connection refused")
    assert sweep.status["phase"] == "ASSIGNED"
    sweep.cancel()
    sweep.wait_phase("CANCELLED")


def test_a_pod_quota_is_quoted_and_the_sweep_continues_once_it_is_lifted(namespace: Namespace) -> None:
    namespace.run("apply", "-f", "-", stdin=json.dumps(QUOTA))
    quota = ("get", "quota", "none", "-o", "jsonpath={.status.hard.pods}")
    sweep = namespace.sweep(suspend=True)
    sweep.wait(lambda: namespace.run(*quota) == "0", "the quota is in force", 20)
    sweep.patch(suspend=False)
    message = sweep.wait_message("PodRefused")
    pod = f"{sweep.job(0)}-0"
    assert message == (
        f'the Pod of case 0 is refused: pods "{pod}" is forbidden: exceeded quota: none, '
        "requested: pods=1, used: pods=0, limited: pods=0"
    )
    assert sweep.status["phase"] == "PENDING"
    namespace.run("delete", "quota", "none")
    assert sweep.wait_phase("COMPLETED", 40)["failedIndexes"] == ""


def test_an_unavailable_gpu_is_reported(namespace: Namespace) -> None:
    sweep = namespace.sweep(resources={"gpu": {"count": 1}})
    message = sweep.wait_message("Unschedulable")
    assert message.startswith("case 0 cannot be scheduled: 0/2 nodes are available: 1 Insufficient nvidia.com/gpu")
    assert sweep.status["phase"] == "PENDING"


def test_a_pod_that_pod_security_refuses_is_reported(namespace: Namespace) -> None:
    """`restricted` wants runAsNonRoot, which is the user's word."""
    label = "pod-security.kubernetes.io/enforce=restricted"
    namespace.kubectl.run("label", "namespace", namespace.name, label)
    sweep = namespace.sweep()
    message = sweep.wait_message("PodRefused")
    assert 'violates PodSecurity "restricted:latest": runAsNonRoot != true' in message
    good = manifest("good", "id -u", 5, {})
    good["spec"]["template"]["spec"]["securityContext"] = {"runAsNonRoot": True, "runAsUser": 1000}
    allowed = namespace.apply(good)
    allowed.wait_phase("COMPLETED")
    assert namespace.run("logs", f"job/{allowed.job(0)}") == "1000\n"


def test_a_field_that_is_not_allowed_is_refused_by_the_api_server(namespace: Namespace) -> None:
    body = manifest("sweep", "true", 5, {})
    body["spec"]["template"]["spec"]["hostNetwork"] = True
    with pytest.raises(ClusterError, match=r'unknown field "spec\.template\.spec\.hostNetwork"'):
        namespace.run("create", "-f", "-", stdin=json.dumps(body))
