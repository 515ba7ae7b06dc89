from typing import Any

import pytest
from simjob.core import tablefile
from simjob.core.tablefile import UnreadableTableError

LONG = "x" * 1025
MANY = ",".join(f"p{number}" for number in range(65))

NESTED = "and must be a text, a number or a boolean: write it as a text, such as JSON in single quotes"


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


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("1", 1),
        ("-0", 0),
        ("2.50", 2.5),
        ("1e3", 1000.0),
        ("true", True),
        ("false", False),
        ("True", "True"),
        ("null", "null"),
        ("007", "007"),
        ("+1", "+1"),
        ("1.", "1."),
        (".5", ".5"),
        ("0x10", "0x10"),
        ("NaN", "NaN"),
        ("1e999", "1e999"),
        ("9223372036854775807", 2**63 - 1),
        ("9223372036854775808", "9223372036854775808"),
        ("1" * 1024, "1" * 1024),
    ],
)
def test_a_cell_is_what_json_makes_of_it_else_a_text(cell: str, expected: Any) -> None:
    (found,) = rows(f"a\n{cell}\n")
    assert found["a"] == expected
    assert type(found["a"]) is type(expected)


def test_json_lines_are_objects_of_scalars_each_with_names_of_its_own() -> None:
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
        ('{"a": null}', "'a' must be a text, a number or a boolean"),
        ('{"a": [1]}', f"'a' is a list, {NESTED}"),
        ('{"a": {"b": 1}}', f"'a' is an object, {NESTED}"),
        ('{"a": NaN}', "is no JSON that can be read: NaN is no JSON"),
        ('{"a": 1e999}', "'a' is too large a number; write it as a text"),
        ('{"a": 9223372036854775808}', "'a' is too large a number; write it as a text"),
        (f'{{"a": {"1" * 400}}}', "'a' is too large a number; write it as a text"),
        ('{"a": 1, "a": 2}', "parameter 'a' is there twice"),
        ('{"a": 1, "A": 2}', "parameter 'A' is there twice"),
        ('{"a b": 1}', "'a b' is no parameter name"),
        (f'{{"a": "{LONG}"}}', "'a' must not be longer than 1024 characters"),
        ("[" * 100_000, "is no JSON that can be read: "),
        (r'{"a": "\ud800"}', "'a' holds half of a character"),
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
