"""What Helm renders is what kustomize renders, for each value that a kustomization has; and what it refuses."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from cluster.kubectl import kustomize_overlay
from integration.support.installation import MANIFESTS, SYSTEM
from release import package
from tools.helm.program import CHART, RELEASE, Helm, HelmError

pytestmark = pytest.mark.tools

Objects = Mapping[tuple[str, str, str], dict[str, Any]]

EVERYTHING: dict[str, Any] = {
    "image": {"repository": "registry:5000/simjob", "digest": f"sha256:{'a' * 64}", "pullPolicy": "Always"},
    "imagePullSecrets": [{"name": "registry"}],
    "replicas": 3,
    "resources": {"requests": {"cpu": 1, "memory": "1Gi"}, "limits": {"memory": "2Gi"}},
    "namespaces": ["123", "team-b"],
    "settings": {"workers": 32, "logLevel": "DEBUG", "resyncSeconds": 0.5e3},
    "attribution": True,
    "gitops": True,
    "networkPolicy": {"apiServerPorts": [7443]},
    "monitoring": {
        "kubeStateMetrics": {"enabled": True, "namespace": "metrics", "serviceAccount": "state"},
    },
    "nodeSelector": {"pool": "system"},
    "tolerations": [{"key": "dedicated", "operator": "Exists"}],
    "priorityClassName": "system-cluster-critical",
}


@pytest.fixture
def template(helm_without_cluster: Helm, tmp_path: Path) -> Any:
    """Render the chart with these values."""

    def template(values: Mapping[str, Any], *options: str, namespace: str = SYSTEM) -> Objects:
        file = tmp_path / "values.json"
        file.write_text(json.dumps(values))
        command = ("template", RELEASE, str(CHART), f"--namespace={namespace}", f"--values={file}", *options)
        return by_id(helm_without_cluster.run(*command))

    return template


def by_id(text: str) -> Objects:
    found = [item for item in yaml.load_all(text, yaml.CSafeLoader) if item]
    by_id = {(item["kind"], item["metadata"].get("namespace", ""), item["metadata"]["name"]): item for item in found}
    assert len(by_id) == len(found), "no object is there twice"
    return by_id


@pytest.mark.parametrize(
    ("values", "folder", "component"),
    [
        pytest.param({}, ".", None, id="defaults"),
        pytest.param({"namespaces": ["team-a", "team-b"]}, "overlays/namespaced", None, id="namespaces"),
        pytest.param({"attribution": True}, ".", "attribution", id="attribution"),
        pytest.param({"gitops": True}, ".", "gitops", id="gitops"),
        pytest.param({"admission": False}, ".", "no-admission", id="admission"),
        pytest.param({"monitoring": {"kubeStateMetrics": {"enabled": True}}}, ".", "monitoring", id="monitoring"),
    ],
)
def test_helm_renders_what_kustomize_renders(
    template: Any, values: dict[str, Any], folder: str, component: str | None
) -> None:
    components = [MANIFESTS / "components" / component] if component else []
    expected = dict(by_id(kustomize_overlay(MANIFESTS / folder, components=components)))
    # Helm creates the namespace of a release itself, and must not delete the CRD.
    del expected["Namespace", "", SYSTEM]
    crd = expected["CustomResourceDefinition", "", "simulationjobs.simjob.dev"]
    crd["metadata"]["annotations"] = {"helm.sh/resource-policy": "keep"}
    assert template(values) == expected


@pytest.mark.parametrize("values", [{}, EVERYTHING], ids=["defaults", "everything"])
def test_lint_finds_nothing(helm_without_cluster: Helm, tmp_path: Path, values: dict[str, Any]) -> None:
    file = tmp_path / "values.json"
    file.write_text(json.dumps(values))
    answer = helm_without_cluster.run("lint", "--strict", str(CHART), f"--values={file}")
    assert "1 chart(s) linted, 0 chart(s) failed" in answer
    assert "[WARNING]" not in answer


def test_helm_reads_the_chart_of_a_release(helm_without_cluster: Helm, tmp_path: Path) -> None:
    chart = str(package.write(tmp_path, "registry.example.com/simjob-operator", "9.9.9"))
    assert "0 chart(s) failed" in helm_without_cluster.run("lint", "--strict", chart)
    assert "version: 9.9.9" in helm_without_cluster.run("show", "chart", chart)
    deployment = by_id(helm_without_cluster.run("template", RELEASE, chart, f"--namespace={SYSTEM}"))[
        "Deployment", SYSTEM, "simjob-operator"
    ]
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "registry.example.com/simjob-operator:9.9.9"


def test_every_value_arrives(template: Any) -> None:
    objects = template(EVERYTHING, namespace="elsewhere")
    deployment = objects["Deployment", "elsewhere", "simjob-operator"]["spec"]
    pod = deployment["template"]["spec"]
    (container,) = pod["containers"]
    assert deployment["replicas"] == 3
    assert container["image"] == f"registry:5000/simjob@sha256:{'a' * 64}"
    assert container["imagePullPolicy"] == "Always"
    assert container["resources"] == EVERYTHING["resources"]
    assert {each["name"]: each.get("value") for each in container["env"]} == {
        "POD_NAMESPACE": None,
        "SIMJOB_NAMESPACES": "123,team-b",
        "SIMJOB_ATTRIBUTION": "true",
        "SIMJOB_WORKERS": "32",
        "SIMJOB_LOG_LEVEL": "DEBUG",
        "SIMJOB_RESYNC_SECONDS": "500",
    }
    for name in ("imagePullSecrets", "nodeSelector", "tolerations", "priorityClassName"):
        assert pod[name] == EVERYTHING[name]
    ports = objects["NetworkPolicy", "elsewhere", "simjob-operator"]["spec"]["egress"][0]["ports"]
    assert ports == [{"port": 7443}]
    (reader,) = objects["ClusterRoleBinding", "", "simjob-kube-state-metrics"]["subjects"]
    assert reader == {"kind": "ServiceAccount", "name": "state", "namespace": "metrics"}
    assert {namespace for _, namespace, _ in objects} == {"", "elsewhere", "123", "team-b", "metrics"}
    assert SYSTEM not in json.dumps(list(objects.values()))


def test_a_second_release_can_leave_out_what_belongs_to_the_cluster(template: Any) -> None:
    values = {
        "namespaces": ["team-c"],
        "userRoles": False,
        "admission": False,
        "crds": {"install": False},
        "networkPolicy": {"enabled": False},
    }
    objects = template(values, namespace="other")
    assert {namespace for _, namespace, _ in objects} == {"other", "team-c"}
    assert not [key for key in objects if key[0] == "NetworkPolicy"]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        pytest.param("replica=3", "additional properties 'replica' not allowed", id="an unknown value"),
        pytest.param(
            "image.tag=12", "at '/image/tag': got number, want string", id="a tag that YAML reads as a number"
        ),
        pytest.param(
            "image.repository=a/b:1", "at '/image/repository': 'a/b:1' does not match", id="a tag in the name"
        ),
        pytest.param("image.pullPolicy=Sometimes", "at '/image/pullPolicy': value must be one of", id="an enum"),
        pytest.param("settings.wokers=32", "additional properties 'wokers' not allowed", id="an unknown setting"),
        pytest.param("settings.workers=1000", "at '/settings/workers': maximum: got 1,000, want 256", id="a bound"),
        pytest.param("settings.namespaces=a", "additional properties 'namespaces' not allowed", id="set elsewhere"),
        pytest.param("namespaces={Team_A}", "at '/namespaces/0': 'Team_A' does not match", id="no name of a namespace"),
        pytest.param("networkPolicy.apiServerPorts={70000}", "at '/networkPolicy/apiServerPorts/0'", id="a port"),
        pytest.param("resources.limits.memory=512MB", "at '/resources/limits/memory'", id="a quantity"),
    ],
)
def test_a_wrong_value_is_refused_with_its_place(helm_without_cluster: Helm, wrong: str, message: str) -> None:
    with pytest.raises(HelmError, match="values don't meet the specifications of the schema") as refused:
        helm_without_cluster.run("template", RELEASE, str(CHART), f"--set={wrong}")
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("version", "values", "message"),
    [
        ("1.35.4", "attribution=true", "attribution needs Kubernetes 1.36 or newer"),
        ("1.32.0", "replicas=2", "chart requires kubeVersion"),
    ],
)
def test_an_old_kubernetes_is_refused(helm_without_cluster: Helm, version: str, values: str, message: str) -> None:
    command = ("template", RELEASE, str(CHART), f"--kube-version={version}")
    with pytest.raises(HelmError, match=message):
        helm_without_cluster.run(*command, f"--set={values}")


def test_the_chart_can_be_a_dependency_of_another_one(helm_without_cluster: Helm, tmp_path: Path) -> None:
    (tmp_path / "charts").mkdir()
    (tmp_path / "charts/simjob-operator").symlink_to(CHART)
    (tmp_path / "Chart.yaml").write_text("{apiVersion: v2, name: platform, version: 1.0.0}")
    (tmp_path / "values.yaml").write_text("{global: {team: a}, simjob-operator: {replicas: 3}}")
    objects = by_id(helm_without_cluster.run("template", RELEASE, str(tmp_path), f"--namespace={SYSTEM}"))
    assert objects["Deployment", SYSTEM, "simjob-operator"]["spec"]["replicas"] == 3
