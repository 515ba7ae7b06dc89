from decimal import Decimal
from typing import Any

import pytest
from simjob.core.usertables import exactcells
from simjob.core.usertables.exactcells import Reader
from simjob.core.usertables.problems import LineError


@pytest.mark.parametrize(
    ("read", "value", "typed", "text"),
    [
        (exactcells.plain, "1.10", "1.10", "1.10"),
        (exactcells.plain, True, True, "true"),
        (exactcells.whole, -(2**63), -(2**63), "-9223372036854775808"),
        (exactcells.double, 1e300, 1e300, "1e+300"),
        (exactcells.single, "0.1", 0.1, "0.1"),
        (exactcells.half, 0.0999755859375, 0.1, "0.1"),
        (exactcells.half, 65504.0, 65504.0, "65504.0"),
        (exactcells.half, 2.0**-24, 6e-08, "6e-08"),
        (exactcells.decimal, Decimal("1.10"), 1.1, "1.10"),
        (exactcells.decimal, Decimal("0E-12"), 0.0, "0.000000000000"),
        (exactcells.decimal, Decimal(2**63 - 1), 2**63 - 1, "9223372036854775807"),
        (exactcells.decimal, Decimal("9007199254740991.0"), 9007199254740991.0, "9007199254740991.0"),
        (exactcells.items(exactcells.decimal), [Decimal("2.50"), None], [2.5, None], "[2.50,null]"),
        (exactcells.items(exactcells.plain), [], [], "[]"),
        (exactcells.fields({"a": exactcells.plain}), {"a": 'x"'}, {"a": 'x"'}, '{"a":"x\\""}'),
        (exactcells.entries(exactcells.decimal), {"ü": Decimal("0.10")}, {"ü": 0.1}, '{"ü":0.10}'),
    ],
)
def test_a_value_has_a_typed_form_and_its_own_text(read: Reader, value: Any, typed: Any, text: str) -> None:
    cell = read(value)
    assert (repr(cell.value), cell.text) == (repr(typed), text)


@pytest.mark.parametrize(
    ("read", "value", "words"),
    [
        (exactcells.whole, 2**63, "9223372036854775808, a number beyond 64 bits, which readers of JSON round"),
        (exactcells.double, float("nan"), "NaN, which is not a number"),
        (exactcells.single, "-inf", "-Infinity, which JSON has no number for"),
        (exactcells.half, float("inf"), "Infinity, which JSON has no number for"),
        (exactcells.decimal, Decimal(-(2**63) - 1), "-9223372036854775809, a number beyond 64 bits"),
        (exactcells.decimal, Decimal(2**63) + Decimal("0.5"), "9223372036854775808.5, a number beyond 64 bits"),
        (exactcells.decimal, Decimal("9007199254740993.00"), "9007199254740993.00, a decimal of more digits than"),
        (exactcells.items(exactcells.whole), [1, 2**64], "18446744073709551616, a number beyond 64 bits"),
    ],
)
def test_a_number_that_readers_of_json_would_change_is_refused(read: Reader, value: Any, words: str) -> None:
    with pytest.raises(LineError) as refusal:
        read(value)
    assert str(refusal.value).startswith(words)
