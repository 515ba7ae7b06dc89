from typing import Any

import pytest
from given.builders import a_job, a_template_with
from simjob.api.simulationjob import SimulationJob
from simjob.core.cases import check


def a_job_with(*args: str, **spec: Any) -> SimulationJob:
    return a_job(template=a_template_with(args=list(args)), **spec)


def complaint(*args: str, **spec: Any) -> str | None:
    return check.complaint_about(a_job_with(*args, **spec))


MESH = {"matrix": [{"name": "mesh", "values": ["coarse", "fine"]}]}
MIXED = {"list": [{"name": "a", "parameters": {"mesh": 1, "re": 2}}, {"name": "b", "parameters": {"mesh": 1}}]}
LONG = {f"p{n}": "网" * 1024 for n in range(64)}


def test_a_reference_to_an_unknown_parameter_is_named_with_a_suggestion() -> None:
    assert complaint("--mesh", "$(PARAM_MEHS)", cases=MESH) == (
        "`spec.template.spec.containers[0].args[1]` refers to $(PARAM_MEHS), but no case has such a parameter: "
        "did you mean $(PARAM_MESH)?"
    )
    assert complaint("$(PARAM_MESH)", cases=MESH) is None


def test_a_reference_that_some_cases_lack_is_named_with_the_first_such_case() -> None:
    assert complaint("$(PARAM_MESH)", "$(PARAM_RE)", cases=MIXED) == (
        '`spec.template.spec.containers[0].args[1]` refers to $(PARAM_RE), but case 1 "b" has no such parameter: '
        "each case that runs needs it"
    )


def test_a_case_outside_the_subset_needs_no_parameter() -> None:
    assert complaint("$(PARAM_RE)", cases=MIXED, subset="0") is None


def test_cases_without_parameters_resolve_no_reference() -> None:
    assert complaint("$(PARAM_A)", cases={"count": 3}) == (
        "`spec.template.spec.containers[0].args[0]` refers to $(PARAM_A), but no case has such a parameter: "
        "the cases have no parameters"
    )
    assert complaint("$(SIMJOB_CASE_INDEX)", cases={"count": 3}) is None


def test_the_case_with_a_variable_that_is_too_long_is_named() -> None:
    cases = {"list": [{"name": "short"}, {"name": "long", "parameters": LONG}]}
    wanted = 'case 1 "long": environment variable SIMJOB_CASE_PARAMETERS would have 197'
    assert (complaint(cases=cases) or "").startswith(wanted)
    assert complaint(cases=cases, subset="0") is None


def test_the_case_whose_argument_is_too_long_is_named() -> None:
    cases = {"list": [{"name": "short", "parameters": {"a": "x"}}, {"name": "long", "parameters": {"a": "x" * 1000}}]}
    text = "$(PARAM_A)" * 150
    assert complaint("run", text, cases=cases) == (
        'case 1 "long": `spec.template.spec.containers[0].args[1]` would have 150001 bytes with the case\'s variables '
        "filled in, and Linux allows at most 131072: use fewer or shorter values, or put large inputs into files"
    )
    assert complaint("run", text, cases=cases, subset="0") is None
    matrix = {"matrix": [{"name": "a", "values": ["x", "x" * 1000]}]}
    assert (complaint("run", text, cases=matrix) or "").startswith("case 1: `spec.template.spec.containers[0].args[1]`")


def test_the_case_with_a_nul_is_named_in_a_list_and_in_a_matrix() -> None:
    wanted = "environment variable PARAM_A would hold a NUL character, which ends a text there: remove it"
    assert complaint(cases={"list": [{"name": "x", "parameters": {"a": "\0"}}]}) == f'case 0 "x": {wanted}'
    matrix = {"matrix": [{"name": "a", "values": ["0", "\0"]}, {"name": "b", "values": [1, 2]}]}
    assert complaint(cases=matrix) == f"case 2: {wanted}"


def test_a_matrix_of_small_values_is_checked_by_one_case(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []
    monkeypatch.setattr(check.CaseCheck, "look", lambda _, case: looked.append(case.index))
    axes = [{"name": name, "values": ["x" * 1024] * 100} for name in "ab"]
    assert complaint("$(PARAM_A)", cases={"matrix": axes}, subset="5-9999") is None
    assert looked == [5]


def test_user_variables_are_checked_too() -> None:
    template = a_template_with(env=[{"name": "SCRIPT", "value": "a\0b"}])
    assert check.complaint_about(a_job(template=template)) == (
        "`spec.template.spec.containers[0]`: environment variable SCRIPT would hold a NUL character, which ends a "
        "text there: remove it"
    )


def test_an_unresolved_reference_is_refused_with_the_remedy() -> None:
    template = a_template_with(lifecycle={"preStop": {"exec": {"command": ["save", "$(PARAM_MESH)"]}}})
    assert check.complaint_about(a_job(template=template, cases=MESH)) == (
        "`spec.template.spec.containers[0].lifecycle.preStop.exec.command[1]` refers to $(PARAM_MESH), but Kubernetes "
        "does not replace variables there: use a shell, which reads $PARAM_MESH"
    )


def test_values_misread_by_yaml_are_refused_even_in_cases_that_do_not_run() -> None:
    misread = {"list": [{"name": "a"}, {"name": "b", "parameters": {"true": 1}}]}
    wanted = "case 1 \"b\" has a parameter named 'true': YAML reads y, n, yes, no, on and off as true and false"
    assert (complaint(cases=misread, subset="0") or "").startswith(wanted)
    drawn = {"samples": {"method": "Sobol", "size": 4, "parameters": [{"name": "false", "min": 0, "max": 1}]}}
    assert (complaint(cases=drawn) or "").startswith("`spec.cases.samples.parameters[0].name` must not be 'true' or")


def test_a_nul_within_an_object_is_escaped_by_json_and_accepted() -> None:
    assert complaint(cases={"list": [{"name": "x", "parameters": {"a": ["\0"]}}]}) is None


def test_lists_count_with_their_json_text() -> None:
    long = {f"p{n}": ["网" * 330] for n in range(64)}
    assert complaint(cases={"list": [{"name": "x", "parameters": long}]}) is None
    many = {f"{'p' * 60}{n}": ["x" * 1020] for n in range(64)}
    assert complaint(cases={"list": [{"name": "x", "parameters": many}]}) is None


def test_cases_of_a_table_are_not_checked_in_the_spec() -> None:
    assert complaint("$(PARAM_A)", cases={"configMap": {"name": "t", "key": "t.csv"}}) is None
