from typing import Any

import pytest
from simjob.core import tablefile
from simjob.core.tablefile import UnreadableTableError

LONG = "x" * 1025
MANY = ",".join(f"p{number}" for number in range(65))

KINDS = "must be a text, a number, a boolean, a list or an object"
TOO_LARGE = "a number beyond 64 bits, which may be rounded: write it as a text, in quotes"
QUOTE = "YAML reads y, n, yes, no, on and off as true and false: quote y, n, yes, no, on and off"


def rows(text: str, key: str = "table.csv") -> list[dict[str, Any]]:
    found = list(tablefile.read(text, key))
    assert [(case.index, case.name) for case in found] == [(at, str(at)) for at in range(len(found))]
    return [dict(case.parameters) for case in found]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mesh,re\nfine,1\n", [{"mesh": "fine", "re": 1}]),
        ("mesh,re\r\nfine,1\r\ncoarse,2\r\n", [{"mesh": "fine", "re": 1}, {"mesh": "coarse", "re": 2}]),
        ("\ufeffmesh\nfine", [{"mesh": "fine"}]),
        ("\n\nmesh\n\nfine\n   \ncoarse\n\n", [{"mesh": "fine"}, {"mesh": "coarse"}]),
        ('mesh,re\n"a, ""b""\nc",1\n', [{"mesh": 'a, "b"\nc', "re": 1}]),
        (' mesh , re\nfine, 1\n"a", "b"\n', [{"mesh": "fine", "re": 1}, {"mesh": "a", "re": "b"}]),
        ("a,b\n,\n", [{"a": "", "b": ""}]),
        ("a\nü\u2028\n", [{"a": "ü\u2028"}]),
        (MANY.replace("p64", "q").removesuffix(",q") + "\n" + ",".join(["0"] * 64), [{f"p{n}": 0 for n in range(64)}]),
    ],
    ids=["plain", "CRLF", "BOM", "empty lines", "quotes", "spaces", "empty cells", "unicode", "64 columns"],
)
def test_csv_is_read_with_a_header(text: str, expected: list[dict[str, Any]]) -> None:
    assert rows(text) == expected


def texts(text: str, key: str = "table.csv") -> list[dict[str, str]]:
    return [{name: case.text(name) for name in case.parameters} for case in tablefile.read(text, key)]


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


def test_json_lines_are_objects_each_with_names_of_its_own() -> None:
    text = '\ufeff{"mesh":"fine","re":1}\r\n\n {"on": true, "x": 2.5e0, "t": "\u2028"} \n{}'
    assert rows(text, "cases.jsonl") == [{"mesh": "fine", "re": 1}, {"on": True, "x": 2.5, "t": "\u2028"}, {}]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the table has no rows"),
        ("mesh\n", "the table has no rows"),
        ("\n \n", "the table has no rows"),
        ("a,b\n1\n", "line 2: has 1 cells, but the header has 2"),
        ("a,b\n1,2,3\n", "line 2: has 3 cells, but the header has 2"),
        ('a,b\n"x\ny",1\n1\n', "line 4: has 1 cells, but the header has 2"),
        ("a,A\n1,2\n", "line 1: parameter 'A' is there twice, upper and lower case being the same"),
        ("a,\n1,2\n", "line 1: '' is no parameter name"),
        ("\n\na b\n1\n", "line 3: 'a b' is no parameter name: it must be a letter, then letters, digits"),
        (f"a\n{LONG}\n", "line 2: 'a' must not be longer than 1024 characters"),
        (f"{MANY}\n", "line 1: has 65 parameters; 64 are the most"),
        ('a\n1\n"open\n', "line 3: is no CSV: unexpected end of data"),
        ('a\n"x"y\n', "line 2: is no CSV: "),
        (f"a\n{'x' * 200_000}\n", "line 2: is no CSV: field larger than field limit"),
    ],
)
def test_what_is_wrong_in_csv_is_told_by_line(text: str, message: str) -> None:
    with pytest.raises(UnreadableTableError) as wrong:
        rows(text)
    assert str(wrong.value).startswith(message)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "is no JSON: Expecting property name"),
        ("[1]", "must be a JSON object"),
        ("3", "must be a JSON object"),
        ('{"a": null}', f"'a' {KINDS}"),
        (f'{{"a": ["{LONG}"]}}', "'a' is a list of 1029 bytes as JSON, and must have at most 1024: put it into a file"),
        (f'{{"a": {"[" * 40}{"]" * 40}}}', "'a' is a list of more than 32 levels"),
        ('{"a": [{"b": 1, "b": 2}]}', "has 'b' twice in an object"),
        ('{"a": [{"x": 1, "true": 2}]}', f"'a' has the key 'true': {QUOTE}"),
        ('{"x": 1, "true": 2}', f"has a parameter named 'true': {QUOTE}"),
        ('{"a": NaN}', "is no JSON that can be read: NaN is no JSON"),
        ('{"a": 1e999}', f"'a' is {TOO_LARGE}"),
        ('{"a": 9223372036854775808}', f"'a' is 9223372036854775808, {TOO_LARGE}"),
        ('{"a": [1e999]}', f"'a' holds {TOO_LARGE}"),
        ('{"a": {"b": [18446744073709551615]}}', f"'a' holds 18446744073709551615, {TOO_LARGE}"),
        (f'{{"a": {"1" * 400}}}', f"'a' is {TOO_LARGE}"),
        ('{"a": 1, "a": 2}', "has 'a' twice in an object"),
        ('{"a": 1, "A": 2}', "parameter 'A' is there twice"),
        ('{"a b": 1}', "'a b' is no parameter name"),
        (f'{{"a": "{LONG}"}}', "'a' must not be longer than 1024 characters"),
        ("[" * 100_000, "is no JSON that can be read: "),
        (r'{"a": "\ud800"}', "'a' holds half of a character"),
        (r'{"a": ["\ud800"]}', "'a' holds half of a character"),
        (r'{"\ud800": 1}', r"'\ud800' is no parameter name"),
    ],
)
def test_what_is_wrong_in_json_lines_is_told_by_line(line: str, message: str) -> None:
    with pytest.raises(UnreadableTableError) as wrong:
        rows(f'{{"a": 1}}\n\n{line}\n', "t.jsonl")
    assert str(wrong.value).startswith(f"line 3: {message}")


def test_the_first_wrong_lines_are_told_and_how_many_more_there_are() -> None:
    with pytest.raises(UnreadableTableError) as wrong:
        rows("a,b\n" + "1,2\n1\n" * 8)
    told = str(wrong.value).split("; ")
    assert [part.partition(":")[0] for part in told[:5]] == ["line 3", "line 5", "line 7", "line 9", "line 11"]
    assert told[5:] == ["and 3 more"]


def test_a_hundred_thousand_rows_are_the_most() -> None:
    assert len(rows("a\n" + "1\n" * 100_000)) == 100_000
    with pytest.raises(UnreadableTableError, match="line 100002: there are more than 100000 rows"):
        rows("a\n" + "1\n" * 100_001)
