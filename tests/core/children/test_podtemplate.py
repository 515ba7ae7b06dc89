from typing import Any

import msgspec
import pytest
from given import expansion
from given.builders import a_job, a_template_dict, a_template_with
from hypothesis import given
from hypothesis import strategies as st
from simjob.api.resources import Gpu
from simjob.api.sweep.cases import Case
from simjob.core.attempts import podrequests
from simjob.core.children import podtemplate

OURS = {"simjob.dev/index": "0"}
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"


def rendered(index: int = 0, **spec: Any) -> dict[str, Any]:
    job = a_job(**spec)
    case = job.spec.case(index)
    return podtemplate.render(job, job.spec.template.to_api(as_given=True), case, OURS, {"note": "ours"})


def container(*, index: int = 0, **spec: Any) -> dict[str, Any]:
    found: dict[str, Any] = rendered(**spec)["spec"]["containers"][index]
    return found


def variables(parameters: dict[str, Any], **own: str) -> list[dict[str, Any]]:
    env = [{"name": name, "value": value} for name, value in own.items()]
    job = a_job(template=a_template_with(env=env))
    found = podtemplate.render(job, job.spec.template.to_api(as_given=True), Case(3, "fine", parameters), {}, {})
    listed: list[dict[str, Any]] = found["spec"]["containers"][0]["env"]
    return listed


def environment(**parameters: Any) -> dict[str, str]:
    return {variable["name"]: variable["value"] for variable in variables(parameters)}


def test_the_environment_describes_the_case() -> None:
    assert environment(mesh=0.5, solver="lu", warm=True) == {
        "SIMJOB_NAME": "sweep",
        "SIMJOB_CASE_INDEX": "3",
        "SIMJOB_CASE_NAME": "fine",
        "SIMJOB_CASE_PARAMETERS": '{"mesh":0.5,"solver":"lu","warm":true}',
        "PARAM_MESH": "0.5",
        "PARAM_SOLVER": "lu",
        "PARAM_WARM": "true",
    }


def test_a_case_without_parameters_has_an_empty_object() -> None:
    assert environment()["SIMJOB_CASE_PARAMETERS"] == "{}"


@pytest.mark.parametrize(
    ("value", "written"),
    [
        pytest.param("$(HOME)", "$$(HOME)", id="a reference in brackets"),
        pytest.param("$HOME", "$$HOME", id="a dollar sign before a word"),
        pytest.param("US$$5", "US$$$$5", id="two dollar signs"),
        pytest.param("$$(A)", "$$$$(A)", id="an escaped reference"),
    ],
)
def test_parameter_text_is_escaped_for_the_kubelet(value: str, written: str) -> None:
    found = environment(text=value)
    assert found["PARAM_TEXT"] == written
    assert written in found["SIMJOB_CASE_PARAMETERS"]


@given(st.lists(st.text(st.sampled_from("$$$()()A_P0") | st.characters(codec="utf-8"))))
def test_every_text_survives_the_kubelet_byte_for_byte(texts: list[str]) -> None:
    parameters = {f"p{number}": text for number, text in enumerate(texts)}
    found = expansion.environment(variables(parameters, OWN="<$(PARAM_P0)$$(PARAM_P0)>"))
    assert [found[f"PARAM_P{number}".encode()] for number in range(len(texts))] == [text.encode() for text in texts]
    assert msgspec.json.decode(found[b"SIMJOB_CASE_PARAMETERS"]) == parameters
    first = texts[0].encode() if texts else b"$(PARAM_P0)"
    assert found[b"OWN"] == b"<" + first + b"$(PARAM_P0)>", "filled in once, and nothing in it is"


def test_lists_and_objects_are_json_in_their_own_and_the_case_variable() -> None:
    assert environment(inlet=[1.0, 0.5], fluid={"rho": 998, "note": "$x"}) == {
        "SIMJOB_NAME": "sweep",
        "SIMJOB_CASE_INDEX": "3",
        "SIMJOB_CASE_NAME": "fine",
        "SIMJOB_CASE_PARAMETERS": '{"fluid":{"note":"$$x","rho":998},"inlet":[1.0,0.5]}',
        "PARAM_INLET": "[1.0,0.5]",
        "PARAM_FLUID": '{"rho":998,"note":"$$x"}',
    }


def test_a_table_value_keeps_its_text_and_its_json_type() -> None:
    job = a_job()
    case = Case(3, "3", {"mesh": 1.1}, {"mesh": "1.10"})
    found = podtemplate.render(job, job.spec.template.to_api(as_given=True), case, {}, {})
    values = {each["name"]: each["value"] for each in found["spec"]["containers"][0]["env"]}
    assert (values["PARAM_MESH"], values["SIMJOB_CASE_PARAMETERS"]) == ("1.10", '{"mesh":1.1}')


@given(st.text(st.sampled_from("$$$()A_P0é")))
def test_a_probe_command_gets_each_text_byte_for_byte(text: str) -> None:
    command = ["test", "$(PARAM_P0)", "$$(PARAM_P0)", "$(OWN)$(NONE)"]
    probe = {"exec": {"command": command}, "periodSeconds": 1}
    template = a_template_with(env=[{"name": "OWN", "value": "x"}], startupProbe=probe)
    made = container(template=template, cases={"list": [{"name": "x", "parameters": {"p0": text}}]})
    # The kubelet fills in the values that are in the pod, not those of the process.
    static = {each["name"].encode(): each["value"].encode() for each in made["env"]}
    found = [expansion.expand(each.encode(), static) for each in made["startupProbe"]["exec"]["command"]]
    assert found == [b"test", text.encode(), b"$(PARAM_P0)", b"x$(NONE)"]
    assert made["startupProbe"]["periodSeconds"] == 1


def test_case_variables_come_before_user_variables() -> None:
    own = {"name": "OUT", "value": "/out/$(SIMJOB_CASE_INDEX)"}
    assert container(template=a_template_with(env=[own]))["env"][-1] == own


def test_a_user_variable_overrides_a_case_variable() -> None:
    own = {"name": "SIMJOB_NAME", "value": "mine"}
    env = container(template=a_template_with(env=[own]))["env"]
    assert [variable for variable in env if variable["name"] == "SIMJOB_NAME"] == [own]


def test_every_container_gets_the_case_variables() -> None:
    both = {
        "containers": [{"name": "a", "image": "i"}, {"name": "b", "image": "i"}],
        "initContainers": [{"name": "c", "image": "i"}],
    }
    spec = rendered(index=1, template={"spec": both})["spec"]
    for found in (*spec["containers"], *spec["initContainers"]):
        assert {"name": "SIMJOB_CASE_INDEX", "value": "1"} in found["env"]


def test_omitted_fields_get_safe_defaults() -> None:
    spec = rendered()["spec"]
    assert spec["restartPolicy"] == "Never"
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"] == {"seccompProfile": {"type": "RuntimeDefault"}}
    assert container()["securityContext"] == {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}


def test_user_values_are_not_overwritten() -> None:
    security = {"capabilities": {"drop": ["NET_RAW"]}, "runAsUser": 5}
    template = {
        "spec": {
            "containers": [{"name": "c", "image": "i", "securityContext": security}],
            "automountServiceAccountToken": True,
            "securityContext": {"seccompProfile": {"type": "Localhost", "localhostProfile": "p"}, "fsGroup": 7},
        }
    }
    spec = rendered(template=template)["spec"]
    assert spec["automountServiceAccountToken"] is True
    assert spec["securityContext"] == template["spec"]["securityContext"]
    assert spec["containers"][0]["securityContext"] == {"allowPrivilegeEscalation": False, **security}


def test_operator_labels_and_annotations_take_precedence() -> None:
    metadata = {"labels": {"team": "wing", "simjob.dev/index": "9"}, "annotations": {"note": "mine", "more": "x"}}
    found = rendered(template=a_template_dict() | {"metadata": metadata})["metadata"]
    assert found == {
        "labels": {"team": "wing", "simjob.dev/index": "0"},
        "annotations": {"note": "ours", "more": "x", "simjob.dev/containers": "simulation"},
    }


def test_the_container_annotation_lists_the_users_containers_in_order() -> None:
    containers = [{"name": "solver", "image": "i"}, {"name": "exporter", "image": "i"}]
    metadata = {"annotations": {"simjob.dev/containers": "exporter"}}
    found = rendered(template={"metadata": metadata, "spec": {"containers": containers}})["metadata"]
    assert found["annotations"]["simjob.dev/containers"] == "solver,exporter"


def test_spec_resources_override_those_of_the_first_container() -> None:
    own = {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"cpu": "4", "memory": "1Gi"}}
    containers = [{"name": "a", "image": "i", "resources": own}, {"name": "b", "image": "i"}]
    wanted = {"cpu": "2", "memory": "8Gi", "storage": "10Gi", "gpu": {"count": 2}}
    spec: dict[str, Any] = {"template": {"spec": {"containers": containers}}, "resources": wanted}
    assert container(**spec)["resources"] == {
        "requests": {"cpu": "2", "memory": "8Gi", "ephemeral-storage": "10Gi", "nvidia.com/gpu": 2},
        "limits": {"cpu": "4", "memory": "8Gi", "ephemeral-storage": "10Gi", "nvidia.com/gpu": 2},
    }
    assert "resources" not in container(index=1, **spec)


def test_without_spec_resources_the_container_keeps_its_own() -> None:
    own = {"requests": {"cpu": "1"}}
    assert container(template=a_template_with(resources=own))["resources"] == own


A100 = {"key": "nvidia.com/gpu.product", "operator": "In", "values": ["A100"]}
BIG = {"key": "nvidia.com/gpu.memory", "operator": "Gt", "values": ["40959"]}
ZONE = {"key": "zone", "operator": "In", "values": ["a"]}
GPU = Gpu(product="A100", memory="40Gi")


@pytest.mark.parametrize(
    ("terms", "merged"),
    [
        pytest.param(None, [{"matchExpressions": [A100, BIG]}], id="the user has no terms"),
        pytest.param([], [{"matchExpressions": [A100, BIG]}], id="the user has an empty list of terms"),
        pytest.param(
            [{"matchExpressions": [ZONE]}],
            [{"matchExpressions": [ZONE, A100, BIG]}],
            id="the user's term gets the requirements too",
        ),
        # Terms are ORed, so that each must ask for the GPU.
        pytest.param(
            [{"matchExpressions": [ZONE]}, {"matchFields": [ZONE]}],
            [{"matchExpressions": [ZONE, A100, BIG]}, {"matchFields": [ZONE], "matchExpressions": [A100, BIG]}],
            id="each of the user's terms gets the requirements",
        ),
    ],
)
def test_gpu_node_requirements_are_added_to_the_users(terms: Any, merged: list[Any]) -> None:
    user = {} if terms is None else {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": terms}}}
    found = podrequests.with_gpu_affinity(user, GPU)
    assert found["nodeAffinity"][REQUIRED]["nodeSelectorTerms"] == merged


def test_other_affinities_of_the_user_are_kept() -> None:
    preferred = [{"weight": 1, "preference": {"matchExpressions": [ZONE]}}]
    user = {"podAntiAffinity": {"x": 1}, "nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": preferred}}
    found = podrequests.with_gpu_affinity(user, GPU)
    assert found["podAntiAffinity"] == {"x": 1}
    assert found["nodeAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"] == preferred


def test_a_gpu_of_any_kind_needs_no_affinity() -> None:
    assert podrequests.with_gpu_affinity({"podAffinity": {}}, Gpu(count=2)) == {"podAffinity": {}}


def test_rendering_one_case_does_not_change_another() -> None:
    job = a_job(resources={"cpu": "1"})
    template = job.spec.template.to_api(as_given=True)
    first = podtemplate.render(job, template, job.spec.case(0), {}, {})
    podtemplate.render(job, template, job.spec.case(1), {}, {})
    assert podtemplate.render(job, template, job.spec.case(0), {}, {}) == first
    assert template == a_job().spec.template.to_api(as_given=True)


def test_the_priority_class_is_set_on_the_pod() -> None:
    assert rendered(priorityClassName="overnight")["spec"]["priorityClassName"] == "overnight"
    assert "priorityClassName" not in rendered()["spec"]
