from decimal import Decimal
from typing import Any

import pytest
from simjob.core.usertables import exactcells
from simjob.core.usertables.exactcells import Reader
from simjob.core.usertables.problems import LineError


@pytest.mark.parametrize(
    ("read", "value", "typed", "text"),
    [
        pytest.param(exactcells.plain, "1.10", "1.10", "1.10", id="a text"),
        pytest.param(exactcells.plain, True, True, "true", id="a boolean"),
        pytest.param(exactcells.whole, -(2**63), -(2**63), "-9223372036854775808", id="an integer"),
        pytest.param(exactcells.double, 1e300, 1e300, "1e+300", id="a double"),
        pytest.param(exactcells.single, "0.1", 0.1, "0.1", id="a float of 32 bits keeps its short form"),
        pytest.param(exactcells.half, 0.0999755859375, 0.1, "0.1", id="a float of 16 bits keeps its short form"),
        pytest.param(exactcells.half, 65504.0, 65504.0, "65504.0", id="the largest float of 16 bits"),
        pytest.param(exactcells.half, 2.0**-24, 6e-08, "6e-08", id="the smallest float of 16 bits"),
        pytest.param(exactcells.decimal, Decimal("1.10"), 1.1, "1.10", id="a decimal keeps its last zero"),
        pytest.param(exactcells.decimal, Decimal("0E-12"), 0.0, "0.000000000000", id="a decimal zero has no exponent"),
        pytest.param(
            exactcells.decimal,
            Decimal(2**63 - 1),
            2**63 - 1,
            "9223372036854775807",
            id="a decimal without a fraction is an integer",
        ),
        pytest.param(
            exactcells.decimal,
            Decimal("9007199254740991.0"),
            9007199254740991.0,
            "9007199254740991.0",
            id="a decimal that a double holds",
        ),
        pytest.param(
            exactcells.items(exactcells.decimal),
            [Decimal("2.50"), None],
            [2.5, None],
            "[2.50,null]",
            id="a list of decimals with a gap",
        ),
        pytest.param(exactcells.items(exactcells.plain), [], [], "[]", id="an empty list"),
        pytest.param(
            exactcells.fields({"a": exactcells.plain}), {"a": 'x"'}, {"a": 'x"'}, '{"a":"x\\""}', id="an object"
        ),
        pytest.param(
            exactcells.entries(exactcells.decimal),
            {"ü": Decimal("0.10")},
            {"ü": 0.1},
            '{"ü":0.10}',
            id="a map of decimals",
        ),
    ],
)
def test_a_value_has_a_typed_form_and_its_own_text(read: Reader, value: Any, typed: Any, text: str) -> None:
    cell = read(value)
    assert (repr(cell.value), cell.text) == (repr(typed), text)


@pytest.mark.parametrize(
    ("read", "value", "words"),
    [
        pytest.param(
            exactcells.whole,
            2**63,
            "9223372036854775808, a number beyond 64 bits, which readers of JSON round",
            id="an integer beyond 64 bits",
        ),
        pytest.param(exactcells.double, float("nan"), "NaN, which is not a number", id="NaN"),
        pytest.param(
            exactcells.single, "-inf", "-Infinity, which JSON has no number for", id="minus infinity in 32 bits"
        ),
        pytest.param(exactcells.half, float("inf"), "Infinity, which JSON has no number for", id="infinity in 16 bits"),
        pytest.param(
            exactcells.decimal,
            Decimal(-(2**63) - 1),
            "-9223372036854775809, a number beyond 64 bits",
            id="a decimal below 64 bits",
        ),
        pytest.param(
            exactcells.decimal,
            Decimal(2**63) + Decimal("0.5"),
            "9223372036854775808.5, a number beyond 64 bits",
            id="a decimal with a fraction beyond 64 bits",
        ),
        pytest.param(
            exactcells.decimal,
            Decimal("9007199254740993.00"),
            "9007199254740993.00, a decimal of more digits than",
            id="a decimal that a double does not hold",
        ),
        pytest.param(
            exactcells.items(exactcells.whole),
            [1, 2**64],
            "18446744073709551616, a number beyond 64 bits",
            id="a number in a list",
        ),
    ],
)
def test_a_number_that_readers_of_json_would_change_is_refused(read: Reader, value: Any, words: str) -> None:
    with pytest.raises(LineError) as refusal:
        read(value)
    assert str(refusal.value).startswith(words)
