"""The rows and the programs that docs/results.md shows."""

import csv
import io
import json
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from docsite.blocks import fenced
from generated import ROOT
from simjob.api.sweep.cases import Case
from simjob.core.facts import terminationmessage
from simjob.core.plan import End
from simjob.core.results import results

PAGE = (ROOT / "docs/results.md").read_text()
(ROWS,) = fenced(PAGE, "json")
(READER,) = fenced(PAGE, "python")
CUT = '{"drag": [0.1, 0.2, '


def test_the_rows_of_the_page_match_the_operators_output() -> None:
    ends = [
        (End(index=3, name="3", succeeded=True, result='{"drag": 0.31}'), {"mesh": 2}),
        (End(index=4, name="4", succeeded=False, exit_code=3, result="diverged at step 12"), {"mesh": 3}),
        (End(index=5, name="5", succeeded=True, result=CUT, cut=True), {"mesh": 4}),
    ]
    assert "".join(results.line(end, Case(end.index, end.name, given)) for end, given in ends) == ROWS


def test_the_reader_of_the_page_returns_rows_in_index_order(tmp_path: Path) -> None:
    backwards = [*ROWS.splitlines()[::-1], '{"index":1,"name":"1","parameters":{"mesh":1},"result":{"drag":NaN}}']
    (tmp_path / "wing.jsonl").write_text("\n".join(backwards))
    show = 'print(table.to_json(orient="records"), table["result.drag"].dtype)'
    program = f"{READER}\n{show}\n"
    command = [sys.executable, "-c", program]
    printed = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    table, dtype = printed.rsplit(maxsplit=1)
    assert dtype == "float64"
    columns = ("index", "parameters.mesh", "result.drag")
    rows = [tuple(row[column] for column in columns) for row in json.loads(table)]
    assert rows == [(1, 1, None), (3, 2, 0.31), (4, 3, None)]


@pytest.mark.parametrize(
    "bytes_", [terminationmessage.FILE_BYTES, terminationmessage.LOG_BYTES, 12 * 1024 // 4, 12 * 1024 // 5]
)
def test_the_page_names_the_limits(bytes_: int) -> None:
    assert re.search(rf"\b{bytes_}\b", PAGE)


def test_pandas_read_json_changes_values_as_the_page_says() -> None:
    lines = [
        '{"index":0,"name":"007","parameters":{"mesh":1},"result":"0012"}',
        '{"index":1,"name":"1e5","parameters":{"mesh":2},"result":"0013"}',
    ]
    table = pd.read_json(io.StringIO("\n".join(lines)), lines=True)
    assert table["name"].tolist() == [7, 100000.0]
    assert table["result"].tolist() == [12, 13]
    assert table["parameters"].tolist() == [{"mesh": 1}, {"mesh": 2}], "an object stays an object"
    decimal = '{"result":{"drag":1.7976931348623157e308}}'
    read = pd.read_json(io.StringIO(decimal), lines=True)["result"][0]
    assert read["drag"] != json.loads(decimal)["result"]["drag"]


def test_pandas_read_json_refuses_an_integer_beyond_64_bits() -> None:
    lines = '{"result":{"steps":%d}}'
    assert pd.read_json(io.StringIO(lines % (2**64 - 1)), lines=True)["result"][0]["steps"] == 2**64 - 1
    with pytest.raises(ValueError, match="Value is too big!"):
        pd.read_json(io.StringIO(lines % 2**64), lines=True)


def test_the_reader_of_the_page_keeps_names_digits_and_long_integers(tmp_path: Path) -> None:
    row = '{"index":0,"name":"007","parameters":{},"result":{"steps":%d,"drag":1.7976931348623157e308}}'
    (tmp_path / "wing.jsonl").write_text(row % 2**70)
    program = f"{READER}\nprint(table.loc[0].to_dict())\n"
    command = [sys.executable, "-c", program]
    printed = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    for kept in ("'007'", str(2**70), "1.7976931348623157e+308"):
        assert kept in printed


def table_of(*lines: str) -> list[list[str]]:
    """Return the rows of the CSV that the page's recipe makes of these lines."""
    (recipe,) = re.findall(r"^python3 -c '\n(.*?)\n' < wing.jsonl > wing.csv", PAGE, flags=re.S | re.M)
    command = [sys.executable, "-c", recipe]
    done = subprocess.run(command, input="\n".join(lines).encode(), capture_output=True, check=True)
    return list(csv.reader(io.StringIO(done.stdout.decode(), newline="")))


def test_the_recipe_of_the_page_returns_rows_in_index_order() -> None:
    assert [row[0] for row in table_of(*ROWS.splitlines()[::-1])] == ["index", "3", "4", "5"]


def test_the_recipe_of_the_page_separates_a_parameter_and_a_result_of_the_same_name() -> None:
    row = (
        '{"index":0,"name":"a","outcome":"Succeeded","parameters":{"mesh":2,"name":"p"},"result":{"mesh":9,"name":"r"}}'
    )
    assert table_of(row) == [
        ["index", "name", "outcome", "parameters.mesh", "parameters.name", "result.mesh", "result.name"],
        ["0", "a", "Succeeded", "2", "p", "9", "r"],
    ]


def test_the_recipe_of_the_page_has_the_columns_of_all_rows() -> None:
    header, *rows = table_of(
        '{"index":0,"name":"0","outcome":"Succeeded","parameters":{"a":1},"result":{"drag":0.31}}',
        '{"index":1,"name":"1","outcome":"Failed","exitCode":3,"parameters":{"b":2},"result":"diverged"}',
        '{"index":2,"name":"2","outcome":"Succeeded","parameters":{},"result":{"lift":4},"truncated":true}',
    )
    found = [{key: value for key, value in zip(header, row, strict=True) if value} for row in rows]
    assert found == [
        {"index": "0", "name": "0", "outcome": "Succeeded", "parameters.a": "1", "result.drag": "0.31"},
        {"index": "1", "name": "1", "outcome": "Failed", "exitCode": "3", "parameters.b": "2", "result": "diverged"},
        {"index": "2", "name": "2", "outcome": "Succeeded", "truncated": "true", "result.lift": "4"},
    ]


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        pytest.param(r'"a, \"b\"\nc\r\nd\re;\tü"', 'a, "b"\nc\r\nd\re;\tü', id="a text with quotes and line ends"),
        pytest.param("NaN", "NaN", id="NaN"),
        pytest.param("-Infinity", "-Infinity", id="minus infinity"),
        pytest.param("null", "null", id="null"),
        pytest.param("true", "true", id="a boolean"),
        pytest.param(str(2**70), str(2**70), id="an integer beyond 64 bits"),
        pytest.param('[1,{"a":"b,c"},NaN]', '[1, {"a": "b,c"}, NaN]', id="a list with an object"),
        pytest.param('""', "", id="an empty text"),
    ],
)
def test_the_recipe_of_the_page_keeps_a_value(written: str, shown: str) -> None:
    row = '{"index":0,"name":"0","outcome":"Succeeded","parameters":{"at":%s},"result":{"at":%s}}'
    (_, values) = table_of(row % (written, written))
    assert values == ["0", "0", "Succeeded", shown, shown]
