import pytest
from simjob.core.usertables import oddrows
from simjob.core.usertables.parse import TableFile
from simjob.core.usertables.problems import LineError, UnreadableTableError

OR_KEEP = "remove the line, or, if it is a case, write the table as JSON Lines"
IN_R = "If R wrote it, use write.csv, or write.table with col.names = NA"
QUOTES = "Put a cell that holds the separator in double quotes"
FIRST_LINE = "If numbers have decimal commas, put a first line `sep=;` before the header"
SEMICOLONS = "If numbers have decimal commas, separate the cells with semicolons"


def texts(text: str) -> list[list[str]]:
    return [[case.text(name) for name in case.parameters] for case in TableFile(text, "t.csv").cases()]


def refused(text: str) -> str:
    with pytest.raises(UnreadableTableError) as refusal:
        texts(text)
    return str(refusal.value)


@pytest.mark.parametrize("number", ["2.5", "100000", "-1", "1e5", "1,5", "1.234,5", "2,5%", "\u22125", "1'000"])
def test_a_number_in_the_header_is_refused_since_it_may_be_the_first_case(number: str) -> None:
    with pytest.raises(LineError) as refusal:
        oddrows.check_header(["mesh", number])
    assert str(refusal.value) == (
        f"column {number!r} is a number where a name belongs: add a header line, or begin the name with a letter"
    )


def test_names_may_contain_digits() -> None:
    oddrows.check_header(["", "2nd angle", "x1", "T [1/s]", "inf", "1,2,3-butane", "v1.2"])


def test_a_table_without_a_header_does_not_lose_its_first_case() -> None:
    assert refused("coarse,2.5\nfine,3.5\n").startswith("line 1: column '2.5' is a number where a name belongs")
    assert refused("sep=;\ncoarse;2,5\nfine;3,5\n").startswith("line 2: column '2,5' is a number")
    assert refused("sep=;\n2,5;x\n3,5;y\n").startswith("line 2: column '2,5' is a number")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("a,b\n1,2\na,b\n3,4\n", f"line 3: repeats the header: {OR_KEEP}", id="the header is repeated"),
        pytest.param(
            ",a\n0,1\n,a\n1,3\n",
            "line 1: column 1 has no name, and does not number the rows",
            id="the header is repeated behind an index",
        ),
        pytest.param(
            "a,b\n1,2\n#3,4\n", f"line 3: begins with '#', as a comment does: {OR_KEEP}", id="a case is commented out"
        ),
        pytest.param(
            "a\n1\n% so far\n",
            f"line 3: begins with '%', as a comment does: {OR_KEEP}",
            id="a comment in the only column",
        ),
        pytest.param(
            "a,b\n1,2\n# so far\n3,4\n",
            f"line 3: begins with '#', as a comment does: {OR_KEEP}",
            id="a comment that is a sentence",
        ),
        pytest.param(
            "a,b\n[-],[mm]\nx,2\n",
            "line 2: holds units: put them into the header, as in 'angle [deg]', or",
            id="a row of units",
        ),
        pytest.param("a,b\n,(m/s2)\nx,2\n", "line 2: holds units", id="a unit in one column"),
    ],
)
def test_a_row_that_is_probably_not_a_case_is_refused(text: str, message: str) -> None:
    assert refused(text).startswith(message)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("a,b\n#1,2\n#2,3\n", id="each row begins with a hash"),
        pytest.param("a\n(1 0 0)\n2\n", id="a vector"),
        pytest.param("a\n[x]\n[y]\n", id="lists of texts"),
        pytest.param("a\n[x]\n", id="a list in the only row"),
        pytest.param("a,b\nb,a\na,x\n", id="names of columns in other places"),
        pytest.param("colour,b\nx,#ff0000\ny,#1\n", id="colours"),
    ],
)
def test_ordinary_rows_are_cases(text: str) -> None:
    assert texts(text) == [line.split(",") for line in text.splitlines()[1:]]


@pytest.mark.parametrize(
    "error", ["#DIV/0!", "#N/A", "#NV", "#WERT!", "#NOM?", "#BEZUG!", "####", "Err:502", "#VALEUR!"]
)
def test_a_spreadsheet_error_is_refused_in_any_column(error: str) -> None:
    what = f"{error!r} is a spreadsheet's error: correct the cell"
    assert refused(f"a,b\n1,2\n{error},4\n") == f"line 3: {what}"
    assert refused(f"a;b\n1,5;2\n4;{error}\n") == f"line 3: {what}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(
            "angle\n2,5\n3,5\n",
            f"line 2: each row has one cell more than the header. {FIRST_LINE}",
            id="a decimal comma in every row of one column",
        ),
        pytest.param(
            "angle\n2,5\n3\n",
            f"line 2: has 2 cells, but the header has 1. {FIRST_LINE}",
            id="a decimal comma in one row of one column",
        ),
        pytest.param(
            "angle\n1,5\n2,5\n",
            f"line 2: each row has one cell more than the header. {FIRST_LINE}. {IN_R}",
            id="a decimal comma in every row, or names of rows",
        ),
        pytest.param(
            "a,b\nx,2,5\ny,3,5\n",
            f"line 2: each row has one cell more than the header. {SEMICOLONS}. {IN_R}",
            id="a decimal comma in the last of two columns, or names of rows",
        ),
        pytest.param(
            "a,b\nx,2,5\nx,3,5\n",
            f"line 2: each row has one cell more than the header. {SEMICOLONS}",
            id="a decimal comma in the last of two columns",
        ),
        pytest.param(
            "a,b\nx,2,5\ny,3\n",
            f"line 2: has 3 cells, but the header has 2. {SEMICOLONS}",
            id="a decimal comma in one row of two columns",
        ),
        pytest.param(
            "a,b\n'x, y',2\n",
            f"line 2: each row has one cell more than the header. {IN_R}. {QUOTES}",
            id="quotes that CSV does not know, or names of rows",
        ),
        pytest.param(
            "a\tb\n1\tx\ty\n2\tx\ty\n",
            f"line 2: each row has one cell more than the header. {IN_R}. {QUOTES}",
            id="texts with tabs, or names of rows",
        ),
        pytest.param(
            "a,b\n1,2\nx,y,z\n", f"line 3: has 3 cells, but the header has 2. {QUOTES}", id="a text with a comma"
        ),
        pytest.param("a,b\n1\n", "line 2: has 1 cell, but the header has 2", id="too few cells need no advice"),
    ],
)
def test_rows_with_too_many_cells_are_refused_with_matching_advice(text: str, message: str) -> None:
    assert refused(text) == message


def test_the_advice_about_decimal_commas_in_one_column_is_right() -> None:
    assert texts("sep=;\nangle\n2,5\n3\n") == [["2.5"], ["3"]]
