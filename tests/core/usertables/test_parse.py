from typing import Any

import pytest
from simjob.core.usertables.parse import TableFile
from simjob.core.usertables.problems import UnreadableTableError

LONG = "x" * 1025
MANY = ",".join(f"p{number}" for number in range(65))

KINDS = "must be a text, a number, a boolean, a list or an object"
TOO_LARGE = "a number beyond 64 bits, which may be rounded: write it as a text, in quotes"
QUOTE = "YAML reads y, n, yes, no, on and off as true and false: quote y, n, yes, no, on and off"


def rows(text: str, key: str = "table.csv") -> list[dict[str, Any]]:
    found = list(TableFile(text, key).cases())
    assert [(case.index, case.name) for case in found] == [(at, str(at)) for at in range(len(found))]
    return [dict(case.parameters) for case in found]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("mesh,re\nfine,1\n", [{"mesh": "fine", "re": 1}], id="one row"),
        pytest.param(
            "mesh,re\r\nfine,1\r\ncoarse,2\r\n",
            [{"mesh": "fine", "re": 1}, {"mesh": "coarse", "re": 2}],
            id="lines that end as on Windows",
        ),
        pytest.param("\ufeffmesh\nfine", [{"mesh": "fine"}], id="a byte order mark"),
        pytest.param("\n\nmesh\n\nfine\n   \ncoarse\n\n", [{"mesh": "fine"}, {"mesh": "coarse"}], id="empty lines"),
        pytest.param('mesh,re\n"a, ""b""\nc",1\n', [{"mesh": 'a, "b"\nc', "re": 1}], id="quotes"),
        pytest.param(
            ' mesh , re\nfine, 1\n"a", "b"\n',
            [{"mesh": "fine", "re": 1}, {"mesh": "a", "re": "b"}],
            id="spaces around cells",
        ),
        pytest.param("a,b\n,\n,,,\n,x\n", [{"a": "", "b": "x"}], id="empty cells and rows"),
        pytest.param("a\nü\u2028\n", [{"a": "ü\u2028"}], id="a line separator of Unicode"),
        pytest.param(
            MANY.replace("p64", "q").removesuffix(",q") + "\n" + ",".join(["0"] * 64),
            [{f"p{n}": 0 for n in range(64)}],
            id="64 columns",
        ),
    ],
)
def test_csv_is_read_with_a_header(text: str, expected: list[dict[str, Any]]) -> None:
    assert rows(text) == expected


def texts(text: str, key: str = "table.csv") -> list[dict[str, str]]:
    return [{name: case.text(name) for name in case.parameters} for case in TableFile(text, key).cases()]


def test_cells_reach_the_process_as_they_are_written() -> None:
    table = "version,steps,tol,dt  ,big,zip\n1.10,1e5,1.0E-06,0.50  ,123456789.10,007\n"
    expected = {
        "version": "1.10",
        "steps": "1e5",
        "tol": "1.0E-06",
        "dt": "0.50  ",
        "big": "123456789.10",
        "zip": "007",
    }
    assert texts(table) == [expected]
    assert rows(table) == [{"version": 1.1, "steps": 1e5, "tol": 1e-6, "dt": 0.5, "big": 123456789.1, "zip": "007"}]


def test_values_in_json_lines_reach_the_process_as_they_are_written() -> None:
    line = '{"a": 1.10, "b":1E5 , "c": "ü\\u00fc", "d": [1.0, {"x": 2.50}], "e": true}'
    assert texts(line, "t.jsonl") == [{"a": "1.10", "b": "1E5", "c": "üü", "d": '[1.0, {"x": 2.50}]', "e": "true"}]
    assert rows(line, "t.jsonl") == [{"a": 1.1, "b": 1e5, "c": "üü", "d": [1.0, {"x": 2.5}], "e": True}]


def test_each_object_of_json_lines_may_have_other_names() -> None:
    text = '\ufeff{"mesh":"fine","re":1}\r\n\n {"on": true, "x": 2.5e0, "t": "\u2028"} \n{}'
    assert rows(text, "cases.jsonl") == [{"mesh": "fine", "re": 1}, {"on": True, "x": 2.5, "t": "\u2028"}, {}]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("", "the table has no rows", id="an empty file"),
        pytest.param("mesh\n", "the table has no rows", id="only a header"),
        pytest.param("\n \n", "the table has no rows", id="only blank lines"),
        pytest.param("a,b\n1\n", "line 2: has 1 cell, but the header has 2", id="a row with too few cells"),
        pytest.param("a,b\n1,2\n1,2,3\n", "line 3: has 3 cells, but the header has 2", id="a row with too many cells"),
        pytest.param('a,b\n"x\ny",1\n1\n', "line 4: has 1 cell, but the header has 2", id="lines within quotes count"),
        pytest.param(
            "a,A\n1,2\n",
            "line 1: columns 1 and 2, 'a' and 'A', both give PARAM_A: rename one of them",
            id="two names that differ in capitals",
        ),
        pytest.param(
            "a,,b\n1,2,3\n",
            "line 1: column 2 has no name, but it has cells: give it one, or leave it out",
            id="a column without a name",
        ),
        pytest.param(
            "\n\n+\n1\n",
            "line 3: column '+' has no letter or digit to make a parameter's name from",
            id="a name without a letter or digit",
        ),
        pytest.param(f"{'a ' * 40}\n1\n", "line 1: column '", id="a name that is too long"),
        pytest.param(
            "Unnamed: 0\n0\n1\n",
            "line 1: no column is a parameter: each is empty, or numbers the rows",
            id="only a column of row numbers",
        ),
        pytest.param(
            "a,true\n1,2\n", f"line 1: has a parameter named 'true': {QUOTE}", id="a name that YAML reads as a boolean"
        ),
        pytest.param(
            f"a\n{LONG}\n",
            "line 2: 'a' must not be longer than 1024 characters",
            id="a cell that is too long for a parameter",
        ),
        pytest.param(f"{MANY}\n", "line 1: has 65 parameters; the limit is 64", id="too many columns"),
        pytest.param(
            'a\n1\n"open\n',
            "line 3: is not CSV: a quote is opened here and never closed",
            id="a quote that never closes",
        ),
        pytest.param('a\n"x"y\n', "line 2: is not CSV: text follows a closing quote", id="text after a closing quote"),
        pytest.param(
            f"a\n{'x' * 200_000}\n",
            "line 2: is not CSV: a cell has more than 131072 characters",
            id="a cell that is too long to read",
        ),
    ],
)
def test_problems_in_csv_are_reported_by_line(text: str, message: str) -> None:
    with pytest.raises(UnreadableTableError) as wrong:
        rows(text)
    assert str(wrong.value).startswith(message)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        pytest.param("{", "is not JSON: Expecting property name", id="JSON that ends early"),
        pytest.param("[1]", "must be a JSON object", id="a list"),
        pytest.param("3", "must be a JSON object", id="a number"),
        pytest.param('{"a": null}', f"'a' {KINDS}", id="null"),
        pytest.param(
            f'{{"a": ["{LONG}"]}}',
            "'a' is a list of 1029 bytes as JSON, and must have at most 1024: put it into a file",
            id="a list that is too long",
        ),
        pytest.param(
            f'{{"a": {"[" * 40}{"]" * 40}}}', "'a' is a list of more than 32 levels", id="a list that is too deep"
        ),
        pytest.param('{"a": [{"b": 1, "b": 2}]}', "has 'b' twice in an object", id="a key twice in a nested object"),
        pytest.param(
            '{"a": [{"x": 1, "true": 2}]}',
            f"'a' has the key 'true': {QUOTE}",
            id="a nested key that YAML reads as a boolean",
        ),
        pytest.param(
            '{"x": 1, "true": 2}', f"has a parameter named 'true': {QUOTE}", id="a name that YAML reads as a boolean"
        ),
        pytest.param('{"a": NaN}', "cannot be read as JSON: NaN is not JSON", id="NaN"),
        pytest.param('{"a": 1e999}', f"'a' is {TOO_LARGE}", id="a number beyond a double"),
        pytest.param(
            '{"a": 9223372036854775808}', f"'a' is 9223372036854775808, {TOO_LARGE}", id="an integer beyond 64 bits"
        ),
        pytest.param('{"a": [1e999]}', f"'a' holds {TOO_LARGE}", id="a number beyond a double in a list"),
        pytest.param(
            '{"a": {"b": [18446744073709551615]}}',
            f"'a' holds 18446744073709551615, {TOO_LARGE}",
            id="an integer beyond 64 bits in an object",
        ),
        pytest.param(f'{{"a": {"1" * 400}}}', f"'a' is {TOO_LARGE}", id="an integer of 400 digits"),
        pytest.param('{"a": 1, "a": 2}', "has 'a' twice in an object", id="a name twice"),
        pytest.param(
            '{"a": 1, "A": 2}',
            "columns 1 and 2, 'a' and 'A', both give PARAM_A",
            id="two names that differ in capitals",
        ),
        pytest.param(
            '{"a b": 1, "a-b": 2}',
            "columns 1 and 2, 'a b' and 'a-b', both give PARAM_A_B",
            id="two names that give the same variable",
        ),
        pytest.param('{"": 1}', "column '' has no letter or digit", id="an empty name"),
        pytest.param(f'{{"a": "{LONG}"}}', "'a' must not be longer than 1024 characters", id="a text that is too long"),
        pytest.param("[" * 100_000, "cannot be read as JSON: ", id="JSON that is nested too deep to read"),
        pytest.param(r'{"a": "\ud800"}', "'a' holds half of a character", id="half a character in a text"),
        pytest.param(r'{"a": ["\ud800"]}', "'a' holds half of a character", id="half a character in a list"),
        pytest.param(
            r'{"a\ud800": 1}',
            r"column 'a\ud800': the letter '\ud800' cannot be part of a parameter's name",
            id="half a character in a name",
        ),
    ],
)
def test_problems_in_json_lines_are_reported_by_line(line: str, message: str) -> None:
    with pytest.raises(UnreadableTableError) as wrong:
        rows(f'{{"a": 1}}\n\n{line}\n', "t.jsonl")
    assert str(wrong.value).startswith(f"line 3: {message}")


def test_names_that_map_to_the_same_parameter_are_refused() -> None:
    with pytest.raises(UnreadableTableError) as wrong:
        rows('{"wall [mm]": 1}\n{"re": 2}\n{"wall (mm)": 3}\n', "t.jsonl")
    assert str(wrong.value) == (
        "line 3: 'wall [mm]', above, and 'wall (mm)' both give the parameter wall_mm: rename one of them"
    )
    assert rows('{"a": 1}\n{"A": 2}\n', "t.jsonl") == [{"a": 1}, {"A": 2}]


def test_the_first_problems_are_reported_and_the_rest_counted() -> None:
    with pytest.raises(UnreadableTableError) as wrong:
        rows("a,b\n" + "1,2\n1\n" * 8)
    told = str(wrong.value).split("; ")
    assert [part.partition(":")[0] for part in told[:5]] == ["line 3", "line 5", "line 7", "line 9", "line 11"]
    assert told[5:] == ["and 3 more"]


def test_at_most_a_hundred_thousand_rows_are_accepted() -> None:
    assert len(rows("a\n" + "1\n" * 100_000)) == 100_000
    with pytest.raises(UnreadableTableError, match="line 100002: there are more than 100000 rows"):
        rows("a\n" + "1\n" * 100_001)


@pytest.mark.parametrize(
    ("text", "key", "expected"),
    [
        pytest.param("a,b\n,x\n", "t.csv", [{"a": "", "b": "x"}], id="an empty cell is the empty text"),
        pytest.param(
            "a,b\nNA,NaN\n", "t.csv", [{"a": "NA", "b": "NaN"}], id="marks of missing values are texts in CSV"
        ),
        pytest.param(",a,b\n7,1,2\n8,,\n", "t.csv", [{"a": "1", "b": "2"}], id="nothing but an index is a blank row"),
        pytest.param("case,a\n8,\n", "t.csv", [{"case": "8", "a": ""}], id="a number under a name is a parameter"),
        pytest.param('{"a": 1}\n\n{}\n', "t.jsonl", [{"a": "1"}, {}], id="an empty object is a case"),
        pytest.param('{"a": ""}\n{"b": "NaN"}\n', "t.jsonl", [{"a": ""}, {"b": "NaN"}], id="names may be missing"),
        pytest.param(f"a\n{2**70}\n", "t.csv", [{"a": str(2**70)}], id="an integer beyond 64 bits is exact in CSV"),
    ],
)
def test_missing_values_are_read_as_the_docs_state(text: str, key: str, expected: list[dict[str, str]]) -> None:
    assert texts(text, key) == expected


def test_a_whole_table_in_one_json_object_is_refused() -> None:
    by_column = '{"mesh":{"0":"coarse","1":"fine"},"re":{"0":1,"1":2}}'
    for key in ("t.csv", "t.jsonl"):
        with pytest.raises(UnreadableTableError, match="pandas: to_json"):
            rows(by_column, key)
    assert rows('{"mesh": {"0": 1}, "re": 2}', "t.jsonl") == [{"mesh": {"0": 1}, "re": 2}]
