from typing import Any

import pytest
from simjob.api.sweep.cases import Cases
from simjob.core.cases import misread

QUOTE = "YAML reads y, n, yes, no, on and off as true and false: quote y, n, yes, no, on and off"
ROUNDED = "18446744073709552000, a number beyond 64 bits, which may be rounded: write it as a text, in quotes"


def complaint(**source: Any) -> str | None:
    return misread.complaint(Cases.model_validate(source))


def test_a_parameter_named_y_in_yaml_is_reported_with_its_case() -> None:
    listed = [{"name": "a", "parameters": {"x": 1}}, {"name": "b", "parameters": {"x": 1, "true": 2}}]
    assert complaint(list=listed) == f"case 1 \"b\" has a parameter named 'true': {QUOTE}"


@pytest.mark.parametrize("name", ["true", "false"])
def test_an_axis_named_as_a_boolean_is_refused(name: str) -> None:
    axes = [{"name": "x", "values": [1]}, {"name": name, "values": [1]}]
    assert complaint(matrix=axes) == f"`spec.cases.matrix[1].name` must not be 'true' or 'false': {QUOTE}"


def test_a_dimension_named_as_a_boolean_is_refused() -> None:
    design = {"method": "Sobol", "size": 4, "parameters": [{"name": "true", "min": 0, "max": 1}]}
    words = f"`spec.cases.samples.parameters[0].name` must not be 'true' or 'false': {QUOTE}"
    assert complaint(samples=design) == words


def test_a_boolean_key_within_an_object_is_refused() -> None:
    assert complaint(matrix=[{"name": "at", "values": [{"x": 0, "y": 1}, {"x": 0, "true": 1}]}]) == (
        f"`spec.cases.matrix[0].values[1]` has the key 'true': {QUOTE}"
    )


def test_a_rounded_seed_is_reported_with_its_place() -> None:
    assert complaint(matrix=[{"name": "seed", "values": [1, 18446744073709552000]}]) == (
        f"`spec.cases.matrix[0].values[1]` is {ROUNDED}"
    )
    listed = [{"name": "a", "parameters": {"seed": 18446744073709552000}}]
    assert complaint(list=listed) == f"case 0 \"a\": parameter 'seed' is {ROUNDED}"
    listed = [{"name": "a", "parameters": {"seeds": [1, 18446744073709552000]}}]
    assert complaint(list=listed) == f"case 0 \"a\": parameter 'seeds' holds {ROUNDED}"


@pytest.mark.parametrize(
    "source",
    [
        pytest.param({"count": 3}, id="a number of cases"),
        pytest.param({"configMap": {"name": "t", "key": "t.csv"}}, id="a table in a ConfigMap"),
        pytest.param(
            {"matrix": [{"name": "True", "values": ["true", True, 2**63 - 1, "18446744073709551615"]}]},
            id="a matrix with texts that look like other values",
        ),
        pytest.param(
            {"list": [{"name": "true", "parameters": {"yes": 1}}]}, id="a list with names that look like other values"
        ),
    ],
)
def test_correct_cases_have_no_problem(source: dict[str, Any]) -> None:
    assert complaint(**source) is None
