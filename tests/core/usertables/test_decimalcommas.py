import pytest
from simjob.core.usertables import decimalcommas, dialect
from simjob.core.usertables.problems import Problems, UnreadableTableError


def read(text: str) -> tuple[list[list[str]], bool]:
    problems = Problems()
    sheet, has_commas = decimalcommas.to_points(dialect.read(text, problems), problems)
    problems.check()
    return [cells for _, cells in sheet.records], has_commas


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        pytest.param("a;b\n2,5;x\n-0,25;y\n", [["2.5", "x"], ["-0.25", "y"]], id="commas become points"),
        pytest.param("a;b\n1,0E-06;1\n3;2\n", [["1.0E-06", "1"], ["3", "2"]], id="a number with an exponent"),
        pytest.param("a;b\n2,50;1.10\n", [["2.50", "1.10"]], id="another column has points"),
        pytest.param(
            "a;b\n1,000;x\n2,5;y\n",
            [["1.000", "x"], ["2.5", "y"]],
            id="three digits are clear beside a shorter number in the column",
        ),
        pytest.param(
            "a;b\n1,000;2,5\n", [["1.000", "2.5"]], id="three digits are clear beside a comma in another column"
        ),
        pytest.param(
            "a;b\n0,125;x\n1,000;y\n", [["0.125", "x"], ["1.000", "y"]], id="three digits are clear after a zero"
        ),
        pytest.param("a;b\n1,5D+03;x\n", [["1.5D+03", "x"]], id="an exponent of Fortran"),
        pytest.param(
            "a;b\n2,5;x\n3E-05;y\n-4;z\n",
            [["2.5", "x"], ["3E-05", "y"], ["-4", "z"]],
            id="other numbers without a comma",
        ),
        pytest.param("a;b\n2,5;x\nauto;y\n", [["2.5", "x"], ["auto", "y"]], id="a text without a comma"),
        pytest.param("a;b\n2,5;9.2\n3,5;10.1\n", [["2.5", "9.2"], ["3.5", "10.1"]], id="a column of versions stays"),
        pytest.param("a\tb\n2,5\tx\n1,234\ty\n", [["2.5", "x"], ["1.234", "y"]], id="columns between tabs"),
        pytest.param("a;b\n2,5;x\n;y\n", [["2.5", "x"], ["", "y"]], id="an empty cell"),
        pytest.param("a;b\n1,5;x\n,5;y\n", [["1.5", "x"], [".5", "y"]], id="a number without a digit before the comma"),
        pytest.param("sep=|\na|b\n2,5|1\n", [["2.5", "1"]], id="columns between bars"),
        pytest.param("# a b\n2,5 1\n", [["2.5", "1"]], id="columns between blanks"),
    ],
)
def test_a_decimal_comma_becomes_a_point_and_the_digits_stay(text: str, rows: list[list[str]]) -> None:
    assert read(text) == (rows, True)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('a,b\n"2,5",x\n"c, d",y\n', id="texts with a comma between commas"),
        pytest.param('a,b\n"1,2",x\n"1,2,3",y\n', id="lists between commas"),
        pytest.param("a;b\nd, e;x\nf;y\n", id="texts with a comma"),
        pytest.param("a;b\n1,2,3;x\n100,200,300;y\n", id="lists"),
        pytest.param("a;b\n1, 2;x\n", id="lists with blanks"),
        pytest.param("a;b\n2.5;0.234\n1.250;0.500\n", id="points"),
        pytest.param("a,b\n12.500,x\n", id="a point between commas"),
        pytest.param("a b\n12.500 1\n", id="a point between blanks"),
        pytest.param("a;b\n100 200;1\n", id="lists of numbers between blanks"),
        pytest.param("a;b\n2026-11-30;10.0.0.1\n", id="dates and addresses"),
    ],
)
def test_other_marks_stay_as_they_are(text: str) -> None:
    plain = dialect.read(text, Problems())
    assert read(text) == ([cells for _, cells in plain.records], False)


def refused(text: str) -> str:
    with pytest.raises(UnreadableTableError) as refusal:
        read(text)
    return str(refusal.value)


@pytest.mark.parametrize("odd", ["5,", "2.5", "12.500", "1,2,3", "c, d", "5%", "1/2", "01.02.2026", "ca. 2,5", "10:30"])
@pytest.mark.parametrize("rows", ["2,5;x\n{};y\n", "2,5;x\n3;y\n7,25;z\n{};y\n"])
def test_a_cell_that_cannot_stand_beside_a_decimal_comma_is_refused_with_both_lines(odd: str, rows: str) -> None:
    text = f"a;b\n{rows.format(odd)}"
    line = text.count("\n")
    assert refused(text) == (
        f"line {line}: column 'a': {odd!r} is not a number with a decimal comma, as '2,5' in line 2 is: write all its "
        "numbers alike, without separators of thousands. If the column holds texts, write the table as JSON Lines"
    )


@pytest.mark.parametrize(
    "number",
    [
        "1.234,5",
        "1.234.567",
        "1,234.50",
        "1 234,5",
        "1\u00a0234,5",
        "1\u202f234",
        "1'234,5",
        "1\u2019234.5",
        "\u22122,5",
        "\u22125",
        "\u20132,5",
        "1,5e\u22125",
        "2,5%",
        "2,5 %",
        "1.234,50-",
        "2,50 \u20ac",
        "\u00a02,5",
        "2,5\u00a0",
    ],
)
@pytest.mark.parametrize(
    "table", ["a;b\n2,5;x\n{};y\n", "a;b\n3;x\n{};y\n", 'a,b\n3,x\n"{}",y\n', "a\tb\n3\tx\n{}\ty\n"]
)
def test_an_ambiguous_number_is_refused(number: str, table: str) -> None:
    assert refused(table.format(number)) == (
        f"line 3: column 'a': {number!r} is a number that few programs read: write digits, a sign (-) and one decimal "
        "mark only. If the column holds texts, write the table as JSON Lines"
    )


@pytest.mark.parametrize(
    ("text", "start"),
    [
        pytest.param("a;b\n1,234,567;x\n", "line 2: column 'a': '1,234,567' is", id="two separators"),
        pytest.param("a\tb\n1,00,000\tx\n", "line 2: column 'a': '1,00,000' is", id="groups of two digits"),
        pytest.param(
            'a,b\n"1,234,567",x\n', "line 2: column 'a': '1,234,567' is", id="a number between quotes is no list"
        ),
        pytest.param("a;b\n1 234;2,5\n", "line 2: column 'a': '1 234' is", id="a blank as the separator"),
    ],
)
def test_thousands_separators_are_refused_unless_they_can_be_a_list(text: str, start: str) -> None:
    assert refused(text).startswith(f"{start} a number that few programs read: ")


@pytest.mark.parametrize(
    ("text", "start"),
    [
        pytest.param(
            "a;b\n12.500;x\n", "line 2: column 'a': is '12.500' 12.5 or 12500?", id="a point between semicolons"
        ),
        pytest.param("a\tb\n12.500\tx\n", "line 2: column 'a': is '12.500' 12.5 or 12500?", id="a point between tabs"),
        pytest.param(
            "sep=|\na|b\n12.500|x\n", "line 3: column 'a': is '12.500' 12.5 or 12500?", id="a point between bars"
        ),
        pytest.param(
            "a;b\n3;9.2\n-12.000;9.3\n", "line 3: column 'a': is '-12.000' -12 or -12000?", id="beside an integer"
        ),
        pytest.param(
            "a;b\n2,5;100.000\n",
            "line 2: column 'b': is '100.000' 100 or 100000?",
            id="beside a decimal comma in another column",
        ),
        pytest.param(
            "a;b\n2,5;0.5\n3,5;12.500\n",
            "line 3: column 'b': is '12.500' 12.5 or 12500?",
            id="beside a clear point in the column",
        ),
        pytest.param(
            "a;b\n12,500;x\n", "line 2: column 'a': is '12,500' 12.5 or 12500?", id="a comma between semicolons"
        ),
        pytest.param("a\tb\n1,234\tx\n", "line 2: column 'a': is '1,234' 1.234 or 1234?", id="a comma between tabs"),
        pytest.param(
            "a;b\n12,500;0.75\n",
            "line 2: column 'a': is '12,500' 12.5 or 12500?",
            id="beside a clear point in another column",
        ),
        pytest.param(
            "a;b;c\n12,500;0.75;2,5\n",
            "line 2: column 'a': is '12,500' 12.5 or 12500?",
            id="beside a clear comma and a clear point",
        ),
        pytest.param(
            "a;b\n12,500;2,5\n1,2,3;2,5\n",
            "line 2: column 'a': is '12,500' 12.5 or 12500?",
            id="beside a clear comma and a list",
        ),
    ],
)
def test_three_digits_after_a_mark_are_refused_if_they_can_be_thousands(text: str, start: str) -> None:
    assert refused(text) == (
        f"{start} Write no separators of thousands, and fewer or more than three digits after a decimal mark"
    )


@pytest.mark.parametrize(("number"), ["2,5", "100,000", "-0,25"])
def test_a_quoted_decimal_comma_in_a_comma_separated_table_is_refused(number: str) -> None:
    assert refused(f'a,b\nx,1\ny,"{number}"\n') == (
        f"line 3: column 'b': is {number!r} a number, or a list? Write a number with a point and without separators of "
        "thousands, and a list as [1,2]. If the column holds texts, write the table as JSON Lines"
    )


def test_problems_are_in_the_order_of_lines_and_each_cell_is_named_once() -> None:
    found = refused("a;b\n2,5;x\n3,5;1'234\n5%;y\n5%;1'234\n")
    assert [part[: len("line 3: column 'b'")] for part in found.split("; ")] == [
        "line 3: column 'b'",
        "line 4: column 'a'",
    ]
