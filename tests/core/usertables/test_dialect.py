import pytest
from simjob.core.usertables import dialect
from simjob.core.usertables.problems import Problems, UnreadableTableError


def read(text: str) -> dialect.Sheet:
    return dialect.read(text, Problems())


@pytest.mark.parametrize(
    ("text", "separator", "header"),
    [
        pytest.param("a,b\n1,2\n", ",", ["a", "b"], id="commas"),
        pytest.param("a;b\n1,5;2\n", ";", ["a", "b"], id="semicolons beside decimal commas"),
        pytest.param("a\tb\n1,5\t2;3\n", "\t", ["a", "b"], id="tabs beside decimal commas and semicolons"),
        pytest.param("a, b\tc, d\n1,5\t2,5\n", "\t", ["a, b", "c, d"], id="tabs beside commas in the header"),
        pytest.param("a, b;c\nx;2\n", ";", ["a, b", "c"], id="semicolons beside a comma in the header"),
        pytest.param(
            "T [K; abs],p\n300,1\n", ",", ["T [K; abs]", "p"], id="a semicolon in the header without one in the row"
        ),
        pytest.param('"a;b",c\n"1;2",3\n', ",", ["a;b", "c"], id="semicolons within quotes"),
        pytest.param("a,b\n1\n2,3\n", ",", ["a", "b"], id="a row with too few cells"),
        pytest.param("1;2\n", ";", ["1", "2"], id="numbers without names"),
        pytest.param("a  b\n1 2\n 3   4 \n", " ", ["a", "b"], id="blanks"),
        pytest.param("#a b\n1 x\n", " ", ["a", "b"], id="blanks after a comment mark"),
        pytest.param("# a, b\n1 2\n3 4\n", " ", ["a,", "b"], id="blanks below a header with commas"),
        pytest.param("a\nb c\nd\n", ",", ["a"], id="one column whose texts have blanks"),
        pytest.param("", ",", [], id="an empty table"),
    ],
)
def test_the_separator_gives_each_row_as_many_cells_as_the_header(text: str, separator: str, header: list[str]) -> None:
    found = read(text)
    assert (found.separator, list(found.header)) == (separator, header)


@pytest.mark.parametrize(("first", "separator"), [("sep=;", ";"), ("SEP=,", ","), ("sep=\t", "\t"), ('"sep=|"', "|")])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_sep_line_decides_the_separator(first: str, separator: str, end: str) -> None:
    found = read(f"{first}{end}a;b,c\td|e{end}1;2,3\t4|5{end}")
    assert (found.separator, len(found.header), found.line) == (separator, 2, 2)
    assert found.records[0][0] == 3


def test_a_sep_line_may_come_before_comments() -> None:
    found = read("\nsep=;\n# a;b\n1;2\n")
    assert (found.line, list(found.header), found.records) == (3, ["a", "b"], [(4, ["1", "2"])])


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("a;b,c\n1;2,3\n", id="semicolons or commas"),
        pytest.param("x y\nfine coarse\n", id="blanks, or one column"),
    ],
)
def test_an_ambiguous_table_is_refused(text: str) -> None:
    with pytest.raises(UnreadableTableError, match="put a first line `sep=,`"):
        read(text)
    assert read(f"sep=,\n{text}").fits


@pytest.mark.parametrize(
    ("text", "line", "header"),
    [
        pytest.param("# x y\n1 2\n", 1, ["x", "y"], id="the first line"),
        pytest.param("% made by a tool\n\n#\n# x y\n\n1 2\n", 4, ["x", "y"], id="the last of several comments"),
        pytest.param("# made by a tool\nx,y\n1,2\n", 2, ["x", "y"], id="names after a comment of a tool"),
        pytest.param("# made by; a tool, or so\nx,y\n1,2\n", 2, ["x", "y"], id="names after a comment with separators"),
        pytest.param("# 1 2\n3 4\n5 6\n", 2, ["3", "4"], id="a comment of numbers is no header"),
        pytest.param("#\n", 2, [], id="only a comment"),
    ],
)
def test_the_last_comment_is_the_header_if_numbers_follow_it(text: str, line: int, header: list[str]) -> None:
    found = read(text)
    assert (found.line, list(found.header)) == (line, header)


def test_records_keep_the_number_of_their_first_line() -> None:
    found = read('\n\na,b\n\n"x\ny",1\n,\n\n2,3\n')
    assert (found.line, found.records) == (3, [(5, ["x\ny", "1"]), (9, ["2", "3"])])


def test_a_row_of_quotes_with_nothing_in_them_is_blank() -> None:
    assert read('a,b\n"",""\n1,2\n').records == [(3, ["1", "2"])]


def test_empty_cells_beyond_the_header_are_ignored() -> None:
    found = read("a,b,,\n1,2, ,\n3,4,,5\n")
    assert [len(cells) for _, cells in found.records] == [2, 4]
    assert not found.fits


def test_a_comment_that_may_be_the_header_of_a_text_table_is_refused() -> None:
    for text in ("#name,mesh\nwing,coarse\ntail,fine\n", "# mesh\ncoarse\nfine\n"):
        with pytest.raises(UnreadableTableError, match="line 1: is this comment the header"):
            read(text)
    assert list(read("# mesh\nmesh\ncoarse\n").header) == ["mesh"]
    assert list(read("# made by a tool\nname,mesh\nwing,coarse\n").header) == ["name", "mesh"]


@pytest.mark.parametrize(
    ("text", "separator"),
    [
        pytest.param("mesh       re\nvery fine  100000\ncoarse     1000000\n", "commas", id="columns of a fixed width"),
        pytest.param("  mesh re\n1 coarse 100\n2 fine 200\n", "commas", id="rows with names"),
        pytest.param("x y\n1,5 2,5\n", "semicolons", id="decimal commas"),
    ],
)
def test_blank_separated_columns_are_refused_with_a_suggestion(text: str, separator: str) -> None:
    with pytest.raises(UnreadableTableError) as refusal:
        read(text)
    assert str(refusal.value) == (
        f"line 1: blanks seem to separate the columns: use {separator} instead. If it is one column, put a first line "
        "`sep=,` or `sep=;` before the header"
    )
