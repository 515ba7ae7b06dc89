import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from simjob.api.sweep import values

QUOTE = "YAML reads y, n, yes, no, on and off as true and false: quote y, n, yes, no, on and off"
AS_TEXT = "a number beyond 64 bits, which may be rounded: write it as a text, in quotes"
FILE = "put it into a file, and give the file's name"

leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
nested = st.recursive(leaves, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=10)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param(1, "1", id="an integer"),
        pytest.param(0.1, "0.1", id="a fraction"),
        pytest.param(2.5e-07, "2.5e-07", id="a number with an exponent"),
        pytest.param("x y", "x y", id="a text"),
        pytest.param(True, "true", id="true"),
        pytest.param(False, "false", id="false"),
        pytest.param([1.0, 0.5, "ü"], '[1.0,0.5,"ü"]', id="a list"),
        pytest.param({"rho": 998, "tags": None}, '{"rho":998,"tags":null}', id="an object"),
    ],
)
def test_strings_are_kept_and_other_values_become_json(value: Any, text: str) -> None:
    assert values.as_text(value) == text


@given(nested.filter(lambda value: not isinstance(value, str)))
def test_json_reads_the_text_as_the_value(value: Any) -> None:
    assert json.loads(values.as_text(value)) == value


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("x" * 1024, id="the longest text"),
        pytest.param(["x" * 1020], id="the longest list"),
        pytest.param({"a": [[], {}]}, id="an object"),
        pytest.param([], id="an empty list"),
        pytest.param(0, id="zero"),
        pytest.param(False, id="false"),
        pytest.param(1e300, id="a large number"),
    ],
)
def test_valid_parameter_values_are_accepted(value: Any) -> None:
    assert values.complaint(value) is None


@pytest.mark.parametrize(
    ("value", "words"),
    [
        pytest.param(None, "must be a text, a number, a boolean, a list or an object", id="null"),
        pytest.param("x" * 1025, "must not be longer than 1024 characters", id="a text that is too long"),
        pytest.param(
            ["x" * 1021],
            f"is a list of 1025 bytes as JSON, and must have at most 1024: {FILE}",
            id="a list that is too long",
        ),
        pytest.param(
            {"a": "网" * 340},
            f"is an object of 1028 bytes as JSON, and must have at most 1024: {FILE}",
            id="an object that is too long in bytes",
        ),
    ],
)
def test_an_invalid_parameter_value_is_refused_with_the_remedy(value: Any, words: str) -> None:
    assert values.complaint(value) == words


@pytest.mark.parametrize(
    ("value", "levels"),
    [
        pytest.param(1, 0, id="a number"),
        pytest.param([], 0, id="an empty list"),
        pytest.param([1], 1, id="a list"),
        pytest.param({"a": 1}, 1, id="an object"),
        pytest.param([[]], 1, id="a list in a list"),
        pytest.param([1, {"a": [2]}], 3, id="an object in a list"),
        pytest.param([[1], [[1]], 1], 3, id="lists of several depths"),
    ],
)
def test_the_depth_of_a_value_is_that_of_its_deepest_part(value: Any, levels: int) -> None:
    assert not values.is_deeper_than(value, levels)
    assert levels == 0 or values.is_deeper_than(value, levels - 1)


@pytest.mark.parametrize(
    ("levels", "is_refused"),
    [pytest.param(32, False, id="as deep as allowed"), pytest.param(33, True, id="one level deeper")],
)
def test_a_list_deeper_than_json_readers_allow_is_refused(levels: int, is_refused: bool) -> None:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    words = f"is a list of more than 32 levels: {FILE}"
    assert values.complaint(value) == (words if is_refused else None)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        pytest.param({"x": 1, "true": 2}, f"has the key 'true': {QUOTE}", id="a key that YAML read as a boolean"),
        pytest.param([{"at": {"false": 2}}], f"has the key 'false': {QUOTE}", id="such a key in a list in an object"),
        # 18446744073709551615, as the API server gives it back.
        pytest.param(18446744073709552000, f"is 18446744073709552000, {AS_TEXT}", id="an integer beyond 64 bits"),
        pytest.param(1.8446744073709552e19, f"is 1.8446744073709552e+19, {AS_TEXT}", id="a double beyond 64 bits"),
        pytest.param(-(2**63), f"is -9223372036854775808, {AS_TEXT}", id="the smallest integer of 64 bits"),
        pytest.param([1, {"seed": 2**63}], f"holds 9223372036854775808, {AS_TEXT}", id="a seed in a list"),
        # 39 digits, as numpy.random.SeedSequence().entropy has them.
        pytest.param(3.1415926535897933e38, f"is 3.1415926535897933e+38, {AS_TEXT}", id="a double far beyond 64 bits"),
    ],
)
def test_values_that_were_probably_misread_are_reported(value: Any, words: str) -> None:
    assert values.misreading(value) == words


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(2**63 - 1, id="the largest integer of 64 bits"),
        pytest.param(1 - 2**63, id="the smallest integer but one"),
        pytest.param(0.1, id="a fraction"),
        pytest.param(True, id="a boolean"),
        pytest.param("18446744073709551615", id="a long number as a text"),
        pytest.param("true", id="true as a text"),
        pytest.param(["true"], id="true as a text in a list"),
        pytest.param({"True": 1}, id="a key in upper case"),
        pytest.param({"a": "true"}, id="true as a text in an object"),
    ],
)
def test_values_as_the_user_wrote_them_are_accepted(value: Any) -> None:
    assert values.misreading(value) is None


@pytest.mark.parametrize("value", [6.02214076e23, 1.98892e30, -1e300, 100000000000000000000])
def test_a_large_number_with_few_digits_is_not_taken_for_a_rounded_one(value: float) -> None:
    assert values.misreading(value) is None


def test_seeds_of_64_bits_that_the_api_server_rounded_are_found() -> None:
    for seed in range(2**63, 2**64, 2**63 // 9973):
        # kubectl and the API server make it a float, and write the shortest text of that without an exponent.
        assert values.may_be_rounded(int(Decimal(repr(float(seed))))), seed
