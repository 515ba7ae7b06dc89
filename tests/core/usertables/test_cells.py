from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from simjob.core.usertables import cells
from simjob.core.usertables.cells import Cell


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        pytest.param("1", 1, id="an integer"),
        pytest.param("-0", 0, id="minus zero"),
        pytest.param("1.10", 1.1, id="a fraction keeps its digits"),
        pytest.param("1e5", 100000.0, id="an exponent"),
        pytest.param("1.0E-06", 1e-6, id="an exponent with a sign"),
        pytest.param("0.50  ", 0.5, id="a blank after a number"),
        pytest.param("true", True, id="true"),
        pytest.param("false ", False, id="a blank after false"),
        pytest.param("True", "True", id="True of Python is a text"),
        pytest.param("null", "null", id="null is a text"),
        pytest.param("007", "007", id="zeros before a number make a text"),
        pytest.param("+1", "+1", id="a plus before a number makes a text"),
        pytest.param("1.", "1.", id="a point without digits after it makes a text"),
        pytest.param(".5", ".5", id="a point without digits before it makes a text"),
        pytest.param("0x10", "0x10", id="a hexadecimal number is a text"),
        pytest.param("1_000", "1_000", id="digits with an underscore are a text"),
        pytest.param("٣", "٣", id="a digit of another script is a text"),
        pytest.param("NaN", "NaN", id="NaN is a text"),
        pytest.param("1e999", "1e999", id="a number beyond a double is a text"),
        pytest.param(" fine ", " fine ", id="blanks around a text stay"),
        pytest.param("", "", id="an empty cell"),
        pytest.param("9223372036854775807", 2**63 - 1, id="the largest integer of 64 bits"),
        pytest.param("9223372036854775808", "9223372036854775808", id="an integer beyond 64 bits is a text"),
        pytest.param("-9223372036854775808", -(2**63), id="the smallest integer of 64 bits"),
        pytest.param("-9223372036854775809", "-9223372036854775809", id="an integer below 64 bits is a text"),
        pytest.param("1,5", "1,5", id="a decimal comma is a text"),
        pytest.param("1" * 1024, "1" * 1024, id="too many digits for a number make a text"),
    ],
)
def test_a_cell_keeps_its_text_and_json_reads_its_value(cell: str, value: Any) -> None:
    found = cells.read(cell)
    assert found == Cell(value, cell)
    assert type(found.value) is type(value)


@given(st.text())
def test_no_text_of_a_cell_is_rewritten(text: str) -> None:
    assert cells.read(text).text == text
    assert cells.case(0, {"a": cells.read(text)}).text("a") == text


def test_a_case_keeps_only_the_texts_that_json_would_write_otherwise() -> None:
    case = cells.case(3, {"mesh": Cell(1.1, "1.10"), "re": Cell(5, "5"), "name": Cell("wing", "wing")})
    assert (case.index, case.name, case.texts) == (3, "3", {"mesh": "1.10"})
    assert case.parameters == {"mesh": 1.1, "re": 5, "name": "wing"}
