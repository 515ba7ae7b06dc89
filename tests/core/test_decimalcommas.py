import pytest
from simjob.core import decimalcommas, dialect
from simjob.core.tableproblems import Problems, UnreadableTableError


def read(text: str) -> tuple[list[list[str]], bool]:
    problems = Problems()
    sheet, has_commas = decimalcommas.to_points(dialect.read(text, problems), problems)
    problems.check()
    return [cells for _, cells in sheet.records], has_commas


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("a;b\n2,5;x\n-0,25;y\n", [["2.5", "x"], ["-0.25", "y"]]),
        ("a;b\n1,0E-06;1\n3;2\n", [["1.0E-06", "1"], ["3", "2"]]),
        ("a;b\n2,50;1.10\n", [["2.50", "1.10"]]),
        ("a;b\n1,000;x\n", [["1.000", "x"]]),
        ("a\tb\n2,5\tx\n1,234\ty\n", [["2.5", "x"], ["1.234", "y"]]),
        ("a;b\n2,5;x\n;y\n", [["2.5", "x"], ["", "y"]]),
        ("a;b\n1,5;x\n,5;y\n", [["1.5", "x"], [".5", "y"]]),
    ],
    ids=["points", "exponents", "another column", "between semicolons", "between tabs", "an empty cell", "no zero"],
)
def test_a_decimal_comma_becomes_a_point_and_the_digits_stay(text: str, rows: list[list[str]]) -> None:
    assert read(text) == (rows, True)


@pytest.mark.parametrize(
    "text",
    ['a,b\n"2,5",x\n', "a;b\n2,5;x\nd, e;y\n", "a;b\n1,2,3;x\n", "a;b\n2.5;1.234\n", "sep=|\na|b\n2,5|1\n"],
    ids=["between commas", "a column of texts", "a list", "points", "between bars"],
)
def test_other_commas_stay_as_they_are(text: str) -> None:
    plain = dialect.read(text, Problems())
    assert read(text) == ([cells for _, cells in plain.records], False)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a;b\n2,5;x\n1.234,5;y\n", "line 3: column 'a': is '1.234,5' a number with thousands separated?"),
        ("a;b\n2,5;100.000\n", "line 2: column 'b': is '100.000' a number"),
        ("a;b\n2,5;x\n2.5;y\n", "line 3: column 'a': is '2.5' a number"),
        ("a\tb\n1,234\tx\n", "line 2: column 'a': is '1,234' a number"),
        ("a;b\n12,500;0.75\n", "line 2: column 'a': is '12,500' a number"),
    ],
)
def test_a_number_that_can_be_read_in_two_ways_is_refused(text: str, message: str) -> None:
    with pytest.raises(UnreadableTableError) as refusal:
        read(text)
    assert str(refusal.value).startswith(message)
    assert str(refusal.value).endswith("Write numbers without separators of thousands, and with the same decimal mark")
