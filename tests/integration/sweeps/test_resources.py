"""The resources of a case: in its pod, and in the decision of the scheduler."""

import secrets
from collections.abc import Iterator

import pytest
from cluster.kwok import fakenodes
from integration.support.client import Client, Object
from integration.support.sweeps import Place, a_template

pytestmark = pytest.mark.integration


@pytest.fixture
def gpu_node(client: Client) -> Iterator[str]:
    """A fake node with a GPU of 40 GiB, labelled as NVIDIA's feature discovery does; its product is its name."""
    name = f"gpu-{secrets.token_hex(3)}"
    node = fakenodes.manifest(0, [])
    labels = {**node["metadata"]["labels"], "nvidia.com/gpu.product": name, "nvidia.com/gpu.memory": "40960"}
    node["metadata"] = {**node["metadata"], "name": name, "labels": labels}
    client.create("/api/v1/nodes", node)
    yield name
    client.delete(f"/api/v1/nodes/{name}")


def asked(pod: Object) -> Object:
    found: Object = pod["spec"]["containers"][0]["resources"]
    return found


@pytest.mark.effect("spec.resources.cpu", "spec.resources.memory", "spec.resources.storage")
def test_resources_of_the_spec_replace_those_of_the_container(place: Place) -> None:
    template = a_template()
    template["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "1", "memory": "1Gi"}}
    wanted = {"cpu": "500m", "memory": "2Gi", "storage": "3Gi"}
    sweep = place.apply(cases={"count": 1}, resources=wanted, template=template)
    sweep.wait_running(1)
    assert asked(sweep.pods[0]) == {
        "requests": {"cpu": "500m", "memory": "2Gi", "ephemeral-storage": "3Gi"},
        "limits": {"memory": "2Gi", "ephemeral-storage": "3Gi"},
    }
    sweep.cancel()
    sweep.wait_phase("CANCELLED")


@pytest.mark.effect("spec.resources.gpu.count", "spec.resources.gpu.resourceName")
def test_a_pod_requests_the_gpu_resource_that_the_spec_names(place: Place) -> None:
    plain = place.apply("plain", cases={"count": 1}, resources={"gpu": {"count": 3}})
    slices = {"count": 2, "resourceName": "nvidia.com/mig-1g.5gb"}
    sliced = place.apply("sliced", cases={"count": 1}, resources={"gpu": slices})
    plain.wait_running(1)
    assert asked(plain.pods[0])["limits"] == {"nvidia.com/gpu": "3"}
    message = sliced.wait(lambda status: status.get("reason") == "Unschedulable", "Unschedulable")["message"]
    assert "Insufficient nvidia.com/mig-1g.5gb" in message
    assert asked(sliced.pods[0])["limits"] == {"nvidia.com/mig-1g.5gb": "2"}


@pytest.mark.effect("spec.resources.gpu.product", "spec.resources.gpu.memory")
def test_a_case_runs_only_on_a_node_with_the_specified_gpu(place: Place, gpu_node: str) -> None:
    fitting = place.apply("fitting", cases={"count": 1}, resources={"gpu": {"product": gpu_node, "memory": "40Gi"}})
    larger = place.apply("larger", cases={"count": 1}, resources={"gpu": {"product": gpu_node, "memory": "41Gi"}})
    fitting.wait_running(1)
    assert fitting.pods[0]["spec"]["nodeName"] == gpu_node
    message = larger.wait(lambda status: status.get("reason") == "Unschedulable", "Unschedulable")["message"]
    assert "didn't match Pod's node affinity/selector" in message
    fitting.cancel()
    fitting.wait_phase("CANCELLED")
