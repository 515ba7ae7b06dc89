import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from simjob.api.crd import rules
from simjob.api.sweep.cases import Case, Cases, environment_name


def cases(**source: Any) -> Cases:
    return Cases.model_validate(source)


def refusal(**source: Any) -> str:
    with pytest.raises(ValidationError) as refused:
        cases(**source)
    return refused.value.errors()[0]["msg"].removeprefix("Value error, ")


def test_counted_cases_differ_only_in_their_index() -> None:
    counted = cases(count=3)
    assert counted.total == 3
    assert counted.case(2) == Case(2, "2", {})


def test_listed_cases_keep_their_order_names_and_parameters() -> None:
    listed = cases(list=[{"name": "coarse", "parameters": {"mesh": 1}}, {"name": "fine"}])
    assert listed.total == 2
    assert listed.case(0) == Case(0, "coarse", {"mesh": 1})
    assert listed.case(1) == Case(1, "fine", {})


def test_the_last_axis_of_a_matrix_runs_fastest() -> None:
    matrix = cases(matrix=[{"name": "a", "values": [1, 2]}, {"name": "b", "values": ["x", "y", "z"]}])
    assert matrix.total == 6
    assert [tuple(matrix.case(i).parameters.values()) for i in range(4)] == [(1, "x"), (1, "y"), (1, "z"), (2, "x")]
    assert list(matrix.case(5).parameters) == ["a", "b"]


@given(st.lists(st.integers(1, 4), min_size=1, max_size=4))
def test_a_matrix_has_each_combination_once_in_product_order(sizes: list[int]) -> None:
    axes = [{"name": f"axis{n}", "values": list(range(size))} for n, size in enumerate(sizes)]
    matrix = cases(matrix=axes)
    found = [tuple(matrix.case(i).parameters.values()) for i in range(matrix.total or 0)]
    assert found == list(itertools.product(*(range(size) for size in sizes)))


@pytest.mark.parametrize("index", [-1, 3])
def test_an_unknown_case_raises_an_index_error(index: int) -> None:
    with pytest.raises(IndexError, match=f"case {index} of 3"):
        cases(count=3).case(index)


@pytest.mark.parametrize(
    "source",
    [
        pytest.param({}, id="none"),
        pytest.param({"count": 1, "list": [{"name": "a"}]}, id="a number and a list"),
        pytest.param({"count": 1, "matrix": [{"name": "a", "values": [1]}]}, id="a number and a matrix"),
    ],
)
def test_there_must_be_exactly_one_source(source: dict[str, Any]) -> None:
    assert refusal(**source) == rules.ONE_CASE_SOURCE


def test_case_names_must_be_unique() -> None:
    assert refusal(list=[{"name": "a"}, {"name": "a"}]) == f"{rules.CASES_UNIQUE}: 'a' occurs more than once"


def test_axis_names_must_be_unique_in_the_environment() -> None:
    axes = [{"name": "mesh", "values": [1]}, {"name": "Mesh", "values": [1]}]
    assert refusal(matrix=axes) == f"{rules.AXES_UNIQUE}: 'MESH' occurs more than once"


@pytest.mark.refusal("spec.cases.list[].parameters{}")
def test_parameter_names_must_be_unique_in_the_environment() -> None:
    listed = [{"name": "a", "parameters": {"mesh": 1, "MESH": 2}}]
    assert refusal(list=listed) == f"{rules.PARAMETERS_UNIQUE}: 'MESH' occurs more than once"


def test_a_matrix_of_more_than_100000_cases_is_refused() -> None:
    axis = {"values": list(range(100))}
    largest = [{"name": "a", **axis}, {"name": "b", **axis}, {"name": "c", "values": list(range(10))}]
    assert cases(matrix=largest).total == 100_000
    assert refusal(matrix=[*largest, {"name": "d", "values": [1, 2]}]) == (
        "`matrix` must not have more than 100000 combinations, but has 200000"
    )


@pytest.mark.parametrize("name", ["1a", "a-b", "a b", "", "ä", "a" * 64])
def test_a_parameter_name_must_fit_the_environment(name: str) -> None:
    assert "pattern" in refusal(matrix=[{"name": name, "values": [1]}]) or name in ("", "a" * 64)


def test_a_null_value_is_refused() -> None:
    words = "must be a text, a number, a boolean, a list or an object"
    assert refusal(matrix=[{"name": "a", "values": [None]}]) == words
    assert refusal(list=[{"name": "x", "parameters": {"a": None}}]) == words


def test_a_text_that_is_too_long_is_refused() -> None:
    assert refusal(matrix=[{"name": "a", "values": ["x" * 1025]}]) == "must not be longer than 1024 characters"


@pytest.mark.parametrize("value", [1, 1.5, "1", "", True, False, 0, -3, [], [1.0, None], {}, {"rho": 998, "x": [True]}])
def test_a_value_keeps_its_type(value: Any) -> None:
    kept = cases(matrix=[{"name": "a", "values": [value]}]).case(0).parameters["a"]
    assert (kept, type(kept)) == (value, type(value))


def test_a_case_uses_the_text_of_its_table_or_json() -> None:
    case = Case(0, "0", {"mesh": 1.1, "warm": True}, {"mesh": "1.10"})
    assert (case.text("mesh"), case.text("warm")) == ("1.10", "true")


def test_environment_variables_use_upper_case() -> None:
    assert environment_name("meshSize") == "PARAM_MESHSIZE"
