import io
import json
import math
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from simjob.core.results import resultvalue

CASES = [
    pytest.param('{"drag": NaN, "iterations": 12}', '{"drag":NaN,"iterations":12}', id="NaN in an object"),
    pytest.param('{"drag": -Infinity}', '{"drag":-Infinity}', id="minus infinity"),
    pytest.param("[Infinity,\n  1.10]", "[Infinity,1.10]", id="infinity in a list of two lines"),
    pytest.param("NaN", "NaN", id="NaN alone"),
    pytest.param('{"drag": 1e999, "lift": -1.5e+400}', '{"drag":1e999,"lift":-1.5e+400}', id="numbers beyond a double"),
    pytest.param(
        '{"note": "NaN or  Infinity, \\"1e999\\"", "x": NaN}',
        '{"note":"NaN or  Infinity, \\"1e999\\"","x":NaN}',
        id="such words in a text",
    ),
    pytest.param(
        '{"a": 1.10, "a": 123456789012345678901234567890, "x": NaN}',
        '{"a":1.10,"a":123456789012345678901234567890,"x":NaN}',
        id="a repeated key and a long integer",
    ),
]


@pytest.mark.parametrize(("message", "kept"), CASES)
def test_non_finite_numbers_are_kept(message: str, kept: str) -> None:
    found = resultvalue.of(message)
    assert not isinstance(found, str)
    assert bytes(found).decode() == kept


@pytest.mark.parametrize(
    "message",
    [
        "nan",
        "-NaN",
        "+Infinity",
        "1NaN",
        "NaN NaN",
        "{NaN: 1}",
        "01e999",
        "1.e999",
        "--1e999",
        "[NaN",
        '{"x": NaN} y',
        "-",
    ],
)
def test_text_that_only_resembles_a_non_finite_number_stays_text(message: str) -> None:
    assert resultvalue.of(message) == message


def test_a_truncated_message_is_text_even_if_it_is_valid_json() -> None:
    assert resultvalue.of('{"drag": 1}', cut=True) == '{"drag": 1}'
    assert resultvalue.of("5" * 4096, cut=True) == "5" * 4096


@pytest.mark.parametrize("number", ["1", "NaN"])
def test_deeply_nested_json_is_kept_as_text(number: str) -> None:
    fits, deep = ("[" * levels + number + "]" * levels for levels in (99, 100))
    found = resultvalue.of(fits)
    assert not isinstance(found, str)
    assert bytes(found).decode() == fits
    assert resultvalue.of(deep) == deep


@given(st.text(alphabet='"\\aN1 \n'))
def test_parsing_takes_linear_time(message: str) -> None:
    """A quote that no match covers has been tried up to the end of the message, and so would the next one be."""
    assert '"' not in resultvalue._VALUES.sub("", message)
    assert '"' not in resultvalue._SPACES.sub("", message)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=8,
)


@given(VALUES, st.sampled_from([None, 1]))
def test_output_of_pythons_json_survives_a_round_trip(value: Any, indent: int | None) -> None:
    message = json.dumps(value, indent=indent, ensure_ascii=False)
    found = resultvalue.of(message)
    assert not isinstance(found, str)
    text = bytes(found).decode()
    assert "\n" not in text
    assert repr(json.loads(text)) == repr(value)


@given(st.text(alphabet='NaInfity-+.0123456789eE"\\{}[]:, \n', max_size=30))
def test_only_what_pythons_json_reads_is_kept_as_json(message: str) -> None:
    found = resultvalue.of(message)
    if not isinstance(found, str):
        assert repr(json.loads(bytes(found))) == repr(json.loads(message))


def test_pandas_reads_the_columns_back() -> None:
    drags = ["0.31", "NaN", "-Infinity", "1e999"]
    results = [resultvalue.of(f'{{"drag": {drag}}}') for drag in drags]
    assert not any(isinstance(result, str) for result in results)
    lines = [bytes(result).decode() for result in results if not isinstance(result, str)]
    table = pd.json_normalize([{"result": json.loads(line)} for line in lines])
    values = table["result.drag"].tolist()
    assert (values[0], math.isnan(values[1]), *values[2:]) == (0.31, True, -math.inf, math.inf)
    read = pd.read_json(io.StringIO("\n".join(lines)), lines=True)["drag"]
    assert (str(read.dtype), repr(read.tolist())) == ("float64", repr(values))


def test_duckdb_reads_the_columns_back(tmp_path: Path) -> None:
    lines = [f'{{"result":{{"drag":{drag}}}}}' for drag in ("0.31", "NaN", "-Infinity", "1e999")]
    (tmp_path / "rows.jsonl").write_text("\n".join(lines))
    with duckdb.connect() as connection:
        found = connection.read_json(str(tmp_path / "rows.jsonl")).project("result.drag").fetchall()
    assert repr(found) == "[(0.31,), (nan,), (-inf,), (inf,)]"


def test_duplicate_keys_are_merged_by_python_and_pandas_and_refused_by_duckdb(tmp_path: Path) -> None:
    line = bytes(resultvalue.of('{"drag": 1, "drag": 2}')).decode()  # type: ignore[arg-type]
    assert json.loads(line) == {"drag": 2}
    assert pd.json_normalize([json.loads(line)])["drag"].tolist() == [2]
    (tmp_path / "rows.jsonl").write_text(line)
    with duckdb.connect() as connection, pytest.raises(duckdb.InvalidInputException, match="duplicate key"):
        connection.read_json(str(tmp_path / "rows.jsonl")).fetchall()
