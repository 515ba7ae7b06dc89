from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from simjob.core.usertables import cells
from simjob.core.usertables.cells import Cell


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("1", 1),
        ("-0", 0),
        ("1.10", 1.1),
        ("1e5", 100000.0),
        ("1.0E-06", 1e-6),
        ("0.50  ", 0.5),
        ("true", True),
        ("false ", False),
        ("True", "True"),
        ("null", "null"),
        ("007", "007"),
        ("+1", "+1"),
        ("1.", "1."),
        (".5", ".5"),
        ("0x10", "0x10"),
        ("1_000", "1_000"),
        ("٣", "٣"),
        ("NaN", "NaN"),
        ("1e999", "1e999"),
        (" fine ", " fine "),
        ("", ""),
        ("9223372036854775807", 2**63 - 1),
        ("9223372036854775808", "9223372036854775808"),
        ("-9223372036854775808", -(2**63)),
        ("-9223372036854775809", "-9223372036854775809"),
        ("1,5", "1,5"),
        ("1" * 1024, "1" * 1024),
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
