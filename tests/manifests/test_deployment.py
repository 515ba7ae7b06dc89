"""The Deployment fits the operator's settings and the strictest Pod Security standard."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from simjob.runtime.process.settings import Settings

Render = Callable[[str], Mapping[tuple[str, str, str], dict[str, Any]]]
ROOT = Path(__file__).parents[2]
KEY = ("Deployment", "simjob-system", "simjob-operator")


@pytest.fixture(params=["manifests", "manifests/overlays/namespaced"])
def objects(request: pytest.FixtureRequest, render: Render) -> Mapping[tuple[str, str, str], dict[str, Any]]:
    return render(request.param)


@pytest.fixture
def pod(objects: Mapping[tuple[str, str, str], dict[str, Any]]) -> dict[str, Any]:
    spec: dict[str, Any] = objects[KEY]["spec"]["template"]["spec"]
    return spec


def test_every_namespaced_object_is_in_the_operators_namespace(
    objects: Mapping[tuple[str, str, str], dict[str, Any]],
) -> None:
    assert ("Namespace", "", "simjob-system") in objects
    assert {namespace for _, namespace, _ in objects} <= {"", "simjob-system", "team-a", "team-b"}


def test_the_namespace_enforces_restricted_pod_security(objects: Mapping[tuple[str, str, str], dict[str, Any]]) -> None:
    labels = objects["Namespace", "", "simjob-system"]["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


def test_the_pod_is_restricted(pod: dict[str, Any]) -> None:
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert [set(volume) for volume in pod["volumes"]] == [{"name", "emptyDir"}]


def test_the_probes_use_the_paths_of_the_operator(pod: dict[str, Any]) -> None:
    (container,) = pod["containers"]
    (port,) = container["ports"]
    assert port["containerPort"] == Settings().health_port
    asked = {name: container[name]["httpGet"] for name in ("livenessProbe", "readinessProbe", "startupProbe")}
    assert {probe["port"] for probe in asked.values()} == {port["name"]}
    assert {name: probe["path"] for name, probe in asked.items()} == {
        "livenessProbe": "/healthz",
        "readinessProbe": "/readyz",
        "startupProbe": "/healthz",
    }


def test_every_setting_in_the_environment_exists(pod: dict[str, Any]) -> None:
    (container,) = pod["containers"]
    given = [variable["name"] for variable in container["env"]]
    settings = {name.removeprefix("SIMJOB_").lower() for name in given if name.startswith("SIMJOB_")}
    assert settings <= set(Settings.model_fields)
    assert "POD_NAMESPACE" in given


def test_two_replicas_may_be_evicted_one_at_a_time(objects: Mapping[tuple[str, str, str], dict[str, Any]]) -> None:
    deployment = objects[KEY]
    assert deployment["spec"]["replicas"] == 2
    (constraint,) = deployment["spec"]["template"]["spec"]["topologySpreadConstraints"]
    assert constraint["whenUnsatisfiable"] == "ScheduleAnyway"
    assert objects["PodDisruptionBudget", "simjob-system", "simjob-operator"]["spec"]["maxUnavailable"] == 1


def test_every_selector_finds_the_pods(objects: Mapping[tuple[str, str, str], dict[str, Any]]) -> None:
    labels = objects[KEY]["spec"]["template"]["metadata"]["labels"]
    selectors = [
        objects[KEY]["spec"]["selector"],
        objects["PodDisruptionBudget", "simjob-system", "simjob-operator"]["spec"]["selector"],
        objects["NetworkPolicy", "simjob-system", "simjob-operator"]["spec"]["podSelector"],
        objects[KEY]["spec"]["template"]["spec"]["topologySpreadConstraints"][0]["labelSelector"],
    ]
    for selector in selectors:
        assert selector["matchLabels"].items() <= labels.items()


def test_the_image_is_the_one_that_make_builds(pod: dict[str, Any]) -> None:
    assert pod["containers"][0]["image"] == "simjob.local/operator:dev"


def test_the_page_on_operations_states_the_resources(pod: dict[str, Any]) -> None:
    (container,) = pod["containers"]
    assert container["resources"] == {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "512Mi"}}
    page = (ROOT / "docs/operations.md").read_text()
    assert "requests 0.1 CPU and 128 MiB, and has a limit of 512 MiB" in page
