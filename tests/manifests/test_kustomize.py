"""kustomize follows the names in SimulationJobs, with the configuration that manifests/kustomize ships."""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from simjob.api import names
from simjob.api.crd import generate

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "manifests" / "kustomize"

Objects = Mapping[tuple[str, str, str], dict[str, Any]]
Render = Callable[[str], Objects]

CONTAINER = {
    "name": "solver",
    "image": "solver:1.4",
    "env": [
        {"name": "MODE", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "mode"}}},
        {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "licence", "key": "token"}}},
    ],
    "envFrom": [{"configMapRef": {"name": "settings"}}, {"secretRef": {"name": "licence"}}],
}
POD = {
    "serviceAccountName": "runner",
    "imagePullSecrets": [{"name": "registry"}],
    "initContainers": [{**CONTAINER, "name": "fetch"}],
    "containers": [CONTAINER],
    "resourceClaims": [
        {"name": "gpu", "resourceClaimTemplateName": "gpus"},
        {"name": "shared", "resourceClaimName": "shared"},
    ],
    "volumes": [
        {"name": "settings", "configMap": {"name": "settings"}},
        {"name": "licence", "secret": {"secretName": "licence"}},
        {"name": "data", "persistentVolumeClaim": {"claimName": "data"}},
        {"name": "vault", "csi": {"driver": "vault", "nodePublishSecretRef": {"name": "licence"}}},
    ],
}


def a_job(name: str, **spec: Any) -> dict[str, Any]:
    queue = {"queueName": "team", "queuePriorityClassName": "late"}
    found = {"template": {"spec": POD}, "priorityClassName": "overnight", **queue, **spec}
    return {"apiVersion": names.API_VERSION, "kind": names.KIND, "metadata": {"name": name}, "spec": found}


OTHERS = [
    ("v1", "ServiceAccount", "runner"),
    ("v1", "PersistentVolumeClaim", "data"),
    ("scheduling.k8s.io/v1", "PriorityClass", "overnight"),
    ("kueue.x-k8s.io/v1beta1", "LocalQueue", "team"),
    ("kueue.x-k8s.io/v1beta1", "WorkloadPriorityClass", "late"),
    ("resource.k8s.io/v1", "ResourceClaimTemplate", "gpus"),
    ("resource.k8s.io/v1", "ResourceClaim", "shared"),
]
JOBS = [
    a_job("wing", cases={"configMap": {"name": "cases", "key": "cases.csv"}}),
    a_job("wing-again", rerunOf={"name": "wing"}, parentJob="wing"),
]


@pytest.fixture(params=["component", "configurations"])
def jobs(request: pytest.FixtureRequest, tmp_path: Path, render: Render) -> dict[str, dict[str, Any]]:
    """Give the rendered specs of two jobs, whose names and whose objects' names get a prefix, a suffix and hashes."""
    if request.param == "component":
        how = {"components": [os.path.relpath(SHIPPED, tmp_path)]}
    else:
        shutil.copy(SHIPPED / "names.yaml", tmp_path)
        how = {"configurations": ["names.yaml"]}
    objects = [{"apiVersion": version, "kind": kind, "metadata": {"name": name}} for version, kind, name in OTHERS]
    (tmp_path / "objects.yaml").write_text(yaml.safe_dump_all([*objects, *JOBS]))
    (tmp_path / "cases.csv").write_text("mesh,re\ncoarse,100000\n")
    content = {
        "resources": ["objects.yaml"],
        "namePrefix": "july-",
        "nameSuffix": "-2",
        "configMapGenerator": [
            {"name": "cases", "files": ["cases.csv"]},
            {"name": "settings", "literals": ["mode=fast"]},
        ],
        "secretGenerator": [
            {"name": "licence", "literals": ["token=t"]},
            {"name": "registry", "literals": [".dockerconfigjson={}"], "type": "kubernetes.io/dockerconfigjson"},
        ],
        "images": [{"name": "solver", "newTag": "1.5"}],
        **how,
    }
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(content))
    rendered = render(str(tmp_path))
    specs = {name: item["spec"] for (kind, _, name), item in rendered.items() if kind == names.KIND}
    specs["names"] = {kind + "/" + name: True for kind, _, name in rendered}
    return specs


def test_a_job_refers_to_the_generated_table(jobs: dict[str, Any]) -> None:
    name = jobs["july-wing-2"]["cases"]["configMap"]["name"]
    assert name.startswith("july-cases-2-")
    assert f"ConfigMap/{name}" in jobs["names"]


def test_a_rerun_refers_to_the_prefixed_job(jobs: dict[str, Any]) -> None:
    again = jobs["july-wing-again-2"]
    assert (again["rerunOf"], again["parentJob"]) == ({"name": "july-wing-2"}, "july-wing-2")


def test_a_template_refers_to_generated_and_renamed_objects(jobs: dict[str, Any]) -> None:
    spec = jobs["july-wing-2"]
    pod = spec["template"]["spec"]
    found = set(references(pod)) | {f"PriorityClass/{spec['priorityClassName']}", f"LocalQueue/{spec['queueName']}"}
    found |= {f"WorkloadPriorityClass/{spec['queuePriorityClassName']}"}
    assert found <= set(jobs["names"])
    assert {reference.partition("/")[0] for reference in found} == {kind for _, kind, _ in OTHERS} | {
        "ConfigMap",
        "Secret",
    }
    assert sum(reference.startswith("Secret/july-licence-2-") for reference in references(pod)) == 6


def test_an_image_gets_the_tag_of_the_kustomization(jobs: dict[str, Any]) -> None:
    pod = jobs["july-wing-2"]["template"]["spec"]
    assert [c["image"] for c in (*pod["initContainers"], *pod["containers"])] == ["solver:1.5", "solver:1.5"]


def references(pod: dict[str, Any]) -> Iterator[str]:
    """Yield what a pod refers to, as kind and name."""
    yield f"ServiceAccount/{pod['serviceAccountName']}"
    yield from (f"Secret/{secret['name']}" for secret in pod["imagePullSecrets"])
    for container in (*pod["initContainers"], *pod["containers"]):
        sources = [variable["valueFrom"] for variable in container["env"]]
        yield from (f"ConfigMap/{each['configMapKeyRef']['name']}" for each in sources if "configMapKeyRef" in each)
        yield from (f"Secret/{each['secretKeyRef']['name']}" for each in sources if "secretKeyRef" in each)
        yield from (f"ConfigMap/{each['configMapRef']['name']}" for each in container["envFrom"][:1])
        yield from (f"Secret/{each['secretRef']['name']}" for each in container["envFrom"][1:])
    settings, licence, data, vault = pod["volumes"]
    yield f"ConfigMap/{settings['configMap']['name']}"
    yield f"Secret/{licence['secret']['secretName']}"
    yield f"PersistentVolumeClaim/{data['persistentVolumeClaim']['claimName']}"
    yield f"Secret/{vault['csi']['nodePublishSecretRef']['name']}"
    template, shared = pod["resourceClaims"]
    yield f"ResourceClaimTemplate/{template['resourceClaimTemplateName']}"
    yield f"ResourceClaim/{shared['resourceClaimName']}"


def test_every_configured_field_exists() -> None:
    shipped = yaml.safe_load((SHIPPED / "names.yaml").read_text())
    fields = [field for each in shipped["nameReference"] for field in each["fieldSpecs"]]
    schema = generate.job_schema()
    for field in fields:
        assert (field["group"], field["kind"]) == (names.GROUP, names.KIND)
        at = schema
        for part in field["path"].replace("[]", "").split("/"):
            at = at.get("items", at)
            if at.get("x-kubernetes-preserve-unknown-fields"):
                break
            assert part in at["properties"], field["path"]
            at = at["properties"][part]
        else:
            assert at["type"] == "string", field["path"]
