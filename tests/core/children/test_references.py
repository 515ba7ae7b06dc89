from typing import Any

import pytest
from given.builders import a_job, a_template_with
from simjob.core.children import references
from simjob.core.children.references import Reference


def found(**container: Any) -> list[str]:
    template = a_job(template=a_template_with(**container)).spec.template
    return [f"{one.field} {one.variable}" for one in references.to_cases(template)]


FIRST = "spec.template.spec.containers[0]"


def test_references_are_found_where_the_kubelet_resolves_them() -> None:
    job = a_job(
        template={
            "spec": {
                "initContainers": [{"name": "mesh", "image": "i", "command": ["mesh", "$(PARAM_A)"]}],
                "containers": [
                    {
                        "name": "simulation",
                        "image": "i",
                        "args": ["--x=$(PARAM_B)+$(PARAM_C)"],
                        "env": [{"name": "OUT", "value": "/out/$(PARAM_D)"}],
                        "volumeMounts": [{"name": "v", "mountPath": "/v", "subPathExpr": "$(PARAM_E)"}],
                        "startupProbe": {"exec": {"command": ["test", "$(PARAM_F)"]}},
                        "readinessProbe": {"exec": {"command": ["$(PARAM_G)"]}},
                        "livenessProbe": {"exec": {"command": ["$(PARAM_H)"]}},
                    }
                ],
            }
        }
    )
    assert references.to_cases(job.spec.template) == (
        Reference(f"{FIRST}.args[0]", "PARAM_B"),
        Reference(f"{FIRST}.args[0]", "PARAM_C"),
        Reference(f"{FIRST}.env[0].value", "PARAM_D"),
        Reference(f"{FIRST}.volumeMounts[0].subPathExpr", "PARAM_E"),
        Reference(f"{FIRST}.startupProbe.exec.command[1]", "PARAM_F"),
        Reference(f"{FIRST}.readinessProbe.exec.command[0]", "PARAM_G"),
        Reference(f"{FIRST}.livenessProbe.exec.command[0]", "PARAM_H"),
        Reference("spec.template.spec.initContainers[0].command[1]", "PARAM_A"),
    )


@pytest.mark.parametrize(
    "text", ["$$(PARAM_A)", "$(HOME)", "$PARAM_A", "$(PARAM_A", "$(SIMJOB_CASE_INDEX)", "$(SIMJOB_CASE_PARAMETERS)"]
)
def test_text_without_a_case_reference_is_ignored(text: str) -> None:
    assert found(args=[text]) == []


@pytest.mark.parametrize("text", ["$$$(PARAM_A)", "$x$(PARAM_A)", "$(PARAM_A)$$"])
def test_a_dollar_before_a_reference_does_not_hide_it(text: str) -> None:
    assert found(args=[text]) == [f"{FIRST}.args[0] PARAM_A"]


@pytest.mark.parametrize("field", ["args", "command"])
def test_an_escaped_reference_is_plain_text(field: str) -> None:
    assert found(**{field: ["$$(PARAM_A)$$$$(PARAM_B)"]}) == []
    assert found(env=[{"name": "OWN", "value": "$$(PARAM_A)"}]) == []


def test_a_reference_in_a_lifecycle_handler_is_not_resolved() -> None:
    handlers = {
        "postStart": {"exec": {"command": ["sh", "-c", "echo $PARAM_A"]}},
        "preStop": {"exec": {"command": ["save", "$(PARAM_A)"]}},
    }
    template = a_job(template=a_template_with(lifecycle=handlers)).spec.template
    assert references.never_filled_in(template) == (Reference(f"{FIRST}.lifecycle.preStop.exec.command[1]", "PARAM_A"),)


def test_only_the_named_variables_are_resolved() -> None:
    text = "$(A)-$$(A)-$$$(A)-$(B)-$A-$(A"
    assert references.filled_in(text, {"A": "$$x"}) == "$$x-$$(A)-$$$$x-$(B)-$A-$(A"


def test_a_misspelt_case_variable_counts_as_a_case_reference() -> None:
    assert found(args=["$(SIMJOB_CASE_INDX)"]) == [f"{FIRST}.args[0] SIMJOB_CASE_INDX"]


def test_variables_that_the_container_may_define_are_ignored() -> None:
    assert found(args=["$(PARAM_A)"], env=[{"name": "PARAM_A", "value": "1"}]) == []
    assert found(args=["$(PARAM_A)"], envFrom=[{"configMapRef": {"name": "c"}}]) == []
    assert found(args=["$(PARAM_A)"], envFrom=[{"prefix": "P_", "configMapRef": {"name": "c"}}]) != []
    assert found(args=["$(SIMJOB_OPERATOR_SERVICE_HOST)"]) == []


@pytest.mark.parametrize(
    ("variable", "known", "text"),
    [
        pytest.param(
            "PARAM_MEHS", ["PARAM_MESH", "PARAM_RE"], "did you mean $(PARAM_MESH)?", id="two letters are swapped"
        ),
        pytest.param(
            "PARAM_mesh", ["PARAM_MESH"], "did you mean $(PARAM_MESH)?", id="only the case of the letters differs"
        ),
        pytest.param("SIMJOB_CASE_INDX", [], "did you mean $(SIMJOB_CASE_INDEX)?", id="a name that the operator sets"),
        pytest.param(
            "PARAM_VISCOSITY",
            ["PARAM_RE", "PARAM_A"],
            "the parameters are PARAM_A, PARAM_RE",
            id="no near name, so all are listed",
        ),
        pytest.param(
            "PARAM_RE",
            ["PARAM_MESH"],
            "the parameters are PARAM_MESH",
            id="a near name of another meaning is not suggested",
        ),
        pytest.param("PARAM_VISCOSITY", [], "the cases have no parameters", id="there are no parameters"),
        pytest.param(
            "PARAM_Q", [f"PARAM_{n:02}" for n in range(12)], "PARAM_08, PARAM_09 and 2 more", id="a long list is cut"
        ),
    ],
)
def test_the_nearest_or_all_names_are_suggested(variable: str, known: list[str], text: str) -> None:
    assert references.suggestion(variable, known).endswith(text)
