from typing import Any

import pytest
from builders import a_template_dict
from pydantic import ValidationError
from simjob.api.template import Template
from simjob.api.volumes import SOURCES, Volume

FULL_CONTAINER: dict[str, Any] = {
    "name": "simulation",
    "image": "example.org/solver:1",
    "imagePullPolicy": "IfNotPresent",
    "command": ["solve"],
    "args": ["--mesh", "$(PARAM_MESH)"],
    "workingDir": "/work",
    "env": [
        {"name": "A", "value": "b"},
        {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "MEM", "valueFrom": {"resourceFieldRef": {"resource": "limits.memory", "divisor": "1Mi"}}},
        {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "license", "key": "key", "optional": False}}},
        {"name": "CFG", "valueFrom": {"configMapKeyRef": {"name": "config", "key": "key"}}},
    ],
    "envFrom": [{"prefix": "X_", "configMapRef": {"name": "config"}}, {"secretRef": {"name": "license"}}],
    "ports": [{"containerPort": 8080, "name": "http", "protocol": "TCP"}],
    "volumeMounts": [{"name": "data", "mountPath": "/data", "subPath": "x", "readOnly": True}],
    "resources": {"requests": {"cpu": 1, "memory": "1Gi"}, "limits": {"memory": "1Gi"}, "claims": [{"name": "gpu"}]},
    "securityContext": {
        "runAsUser": 1000,
        "runAsGroup": 1000,
        "runAsNonRoot": True,
        "readOnlyRootFilesystem": True,
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "Localhost", "localhostProfile": "solver.json"},
    },
    "terminationMessagePath": "/result",
    "terminationMessagePolicy": "FallbackToLogsOnError",
    "lifecycle": {"preStop": {"exec": {"command": ["checkpoint"]}}},
    "startupProbe": {"httpGet": {"path": "/", "port": 8080, "scheme": "HTTP"}, "failureThreshold": 30},
    "readinessProbe": {"tcpSocket": {"port": 8080}, "periodSeconds": 5},
    "livenessProbe": {"exec": {"command": ["alive"]}, "initialDelaySeconds": 0, "timeoutSeconds": 1},
}
FULL_SPEC: dict[str, Any] = {
    "containers": [FULL_CONTAINER],
    "initContainers": [{"name": "fetch", "image": "example.org/fetch:1"}],
    "volumes": [
        {"name": "data", "emptyDir": {"medium": "Memory", "sizeLimit": "1Gi"}},
        {"name": "config", "configMap": {"name": "config", "items": [{"key": "a", "path": "b", "mode": 256}]}},
        {"name": "license", "secret": {"secretName": "license", "defaultMode": 0o400, "optional": True}},
        {"name": "input", "persistentVolumeClaim": {"claimName": "input", "readOnly": True}},
        {"name": "pod", "downwardAPI": {"items": [{"path": "l", "fieldRef": {"fieldPath": "metadata.labels"}}]}},
        {"name": "scratch", "ephemeral": {"volumeClaimTemplate": {"spec": {"accessModes": ["ReadWriteOnce"]}}}},
        {"name": "driver", "csi": {"driver": "x.example.org", "volumeAttributes": {"a": "b"}}},
        {"name": "mesh", "image": {"reference": "example.org/mesh:1", "pullPolicy": "Always"}},
    ],
    "imagePullSecrets": [{"name": "registry"}],
    "restartPolicy": "Never",
    "nodeSelector": {"disk": "fast"},
    "affinity": {"nodeAffinity": {"anything": [1, {"deep": None}]}},
    "tolerations": [{"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}],
    "topologySpreadConstraints": [{"maxSkew": 1}],
    "serviceAccountName": "solver",
    "automountServiceAccountToken": True,
    "securityContext": {
        "fsGroup": 1000,
        "fsGroupChangePolicy": "OnRootMismatch",
        "supplementalGroups": [5],
        "seccompProfile": {"type": "RuntimeDefault"},
    },
    "terminationGracePeriodSeconds": 30,
    "runtimeClassName": "nvidia",
    "schedulerName": "volcano",
    "dnsPolicy": "None",
    "dnsConfig": {"nameservers": ["1.1.1.1"], "searches": ["x"], "options": [{"name": "ndots", "value": "1"}]},
    "shareProcessNamespace": True,
    "resourceClaims": [{"name": "gpu", "resourceClaimTemplateName": "gpu"}],
    "enableServiceLinks": False,
}


def test_a_template_is_passed_on_as_it_was_written() -> None:
    raw = {"metadata": {"labels": {"a": "b"}, "annotations": {"c": "d"}}, "spec": FULL_SPEC}
    assert Template.model_validate(raw).to_api() == raw


def test_what_is_not_written_is_not_passed_on() -> None:
    assert Template.model_validate(a_template_dict()).to_api() == a_template_dict()


@pytest.mark.parametrize(
    "field",
    [
        "hostNetwork",
        "hostPID",
        "hostIPC",
        "hostUsers",
        "hostAliases",
        "nodeName",
        "priorityClassName",
        "priority",
        "activeDeadlineSeconds",
        "ephemeralContainers",
        "serviceAccount",
    ],
)
def test_a_field_of_pods_that_is_not_allowed_is_refused(field: str) -> None:
    with pytest.raises(ValidationError, match="Extra inputs"):
        Template.model_validate(a_template_dict(**{field: "x"}))


@pytest.mark.parametrize(
    "more",
    [
        {"securityContext": {"privileged": True}},
        {"securityContext": {"allowPrivilegeEscalation": True}},
        {"securityContext": {"capabilities": {"drop": [], "add": ["SYS_ADMIN"]}}},
        {"securityContext": {"seccompProfile": {"type": "Unconfined"}}},
        {"securityContext": {"procMount": "Unmasked"}},
        {"ports": [{"containerPort": 80, "hostPort": 80}]},
        {"livenessProbe": {"httpGet": {"port": 80, "host": "10.0.0.1"}}},
        {"lifecycle": {"postStart": {"exec": {"command": ["x"]}}}},
        {"volumeDevices": []},
        {"volumeMounts": [{"name": "a", "mountPath": "/a", "mountPropagation": "Bidirectional"}]},
    ],
)
def test_what_a_container_may_not_do_is_refused(more: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Template.model_validate(a_template_dict(containers=[{"name": "a", "image": "b", **more}]))


@pytest.mark.parametrize("source", ["hostPath", "projected", "nfs", "iscsi", "gitRepo"])
def test_a_volume_that_pod_security_restricts_is_refused(source: str) -> None:
    with pytest.raises(ValidationError, match="Extra inputs"):
        Volume.model_validate({"name": "a", source: {}})


@pytest.mark.parametrize("sources", [{}, {"emptyDir": {}, "configMap": {"name": "a"}}])
def test_a_volume_has_exactly_one_source(sources: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="exactly one source"):
        Volume.model_validate({"name": "a", **sources})


def test_the_sources_are_all_the_fields_of_a_volume_but_its_name() -> None:
    assert {field.alias for field in Volume.model_fields.values()} - {"name"} == set(SOURCES)


@pytest.mark.parametrize(
    ("field", "items"),
    [
        ("containers", [{"name": "a", "image": "b"}, {"name": "a", "image": "c"}]),
        ("volumes", [{"name": "a", "emptyDir": {}}, {"name": "a", "emptyDir": {}}]),
    ],
)
def test_a_name_that_is_there_twice_is_refused(field: str, items: list[dict[str, Any]]) -> None:
    with pytest.raises(ValidationError, match="names must be unique"):
        Template.model_validate(a_template_dict(**{field: items}))
