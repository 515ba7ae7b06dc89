from typing import Any

import pytest
from given.builders import a_template_dict
from given.fulltemplate import FULL_TEMPLATE
from pydantic import ValidationError
from simjob.api.podtemplate.template import Template
from simjob.api.podtemplate.volumes import SOURCES, Volume


def test_a_template_is_passed_on_unchanged() -> None:
    assert Template.model_validate(FULL_TEMPLATE).to_api(as_given=True) == FULL_TEMPLATE


def test_omitted_fields_are_not_passed_on() -> None:
    assert Template.model_validate(a_template_dict()).to_api(as_given=True) == a_template_dict()


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
def test_a_pod_field_outside_the_allow_list_is_refused(field: str) -> None:
    with pytest.raises(ValidationError, match="Extra inputs"):
        Template.model_validate(a_template_dict(**{field: "x"}))


@pytest.mark.parametrize(
    "more",
    [
        pytest.param({"securityContext": {"privileged": True}}, id="a privileged container"),
        pytest.param({"securityContext": {"allowPrivilegeEscalation": True}}, id="privilege escalation"),
        pytest.param(
            {"securityContext": {"capabilities": {"drop": [], "add": ["SYS_ADMIN"]}}}, id="an added capability"
        ),
        pytest.param({"securityContext": {"seccompProfile": {"type": "Unconfined"}}}, id="no seccomp profile"),
        pytest.param({"securityContext": {"procMount": "Unmasked"}}, id="an unmasked proc mount"),
        pytest.param({"ports": [{"containerPort": 80, "hostPort": 80}]}, id="a port of the host"),
        pytest.param({"livenessProbe": {"httpGet": {"port": 80, "host": "10.0.0.1"}}}, id="a probe of another host"),
        pytest.param({"lifecycle": {"postStart": {"httpGet": {"port": 80}}}}, id="an HTTP request after the start"),
        pytest.param({"volumeDevices": []}, id="a raw block device"),
        pytest.param(
            {"volumeMounts": [{"name": "a", "mountPath": "/a", "mountPropagation": "Bidirectional"}]},
            id="mount propagation to the host",
        ),
    ],
)
def test_a_container_field_outside_the_allow_list_is_refused(more: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Template.model_validate(a_template_dict(containers=[{"name": "a", "image": "b", **more}]))


@pytest.mark.parametrize("field", ["lifecycle", "startupProbe", "readinessProbe", "livenessProbe"])
def test_only_a_sidecar_init_container_may_have_lifecycle_and_probes(field: str) -> None:
    container = {"name": "tunnel", "image": "b", field: {}}
    with pytest.raises(ValidationError, match="need `restartPolicy: Always`"):
        Template.model_validate(a_template_dict(initContainers=[container]))
    Template.model_validate(a_template_dict(initContainers=[{**container, "restartPolicy": "Always"}]))


@pytest.mark.parametrize("source", ["hostPath", "projected", "nfs", "iscsi", "gitRepo"])
def test_a_volume_that_pod_security_restricts_is_refused(source: str) -> None:
    with pytest.raises(ValidationError, match="Extra inputs"):
        Volume.model_validate({"name": "a", source: {}})


@pytest.mark.parametrize(
    "sources",
    [pytest.param({}, id="none"), pytest.param({"emptyDir": {}, "configMap": {"name": "a"}}, id="two")],
)
def test_a_volume_has_exactly_one_source(sources: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="exactly one source"):
        Volume.model_validate({"name": "a", **sources})


def test_every_volume_field_but_the_name_is_a_source() -> None:
    assert {field.alias for field in Volume.model_fields.values()} - {"name"} == set(SOURCES)


@pytest.mark.parametrize(
    ("field", "items"),
    [
        pytest.param("containers", [{"name": "a", "image": "b"}, {"name": "a", "image": "c"}], id="two containers"),
        pytest.param("volumes", [{"name": "a", "emptyDir": {}}, {"name": "a", "emptyDir": {}}], id="two volumes"),
    ],
)
def test_a_duplicate_name_is_refused(field: str, items: list[dict[str, Any]]) -> None:
    with pytest.raises(ValidationError, match="names must be unique"):
        Template.model_validate(a_template_dict(**{field: items}))
