"""Parquet tables are read by a real process here, as in production."""

import json
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from given.builders import a_job
from simjob.api.names import Reason
from simjob.core.cases import tableshards
from simjob.runtime.subprocesses import parquet
from simjob.runtime.subprocesses.parquetanswer import Opened
from simjob.runtime.tables.casesources import CaseSources
from simjob.runtime.tables.opentable import NoCasesError
from worlds.fakes import FakeCluster

FILES = Path(__file__).parent
PYARROW = {
    "decimal256": "column 'a' holds decimals of 60 digits; the limit is 38: write them as texts, or with fewer digits",
    "fields_by_case": "column 'a' has the fields 'x' and 'X', whose names differ at most in case: rename one of them",
    "map_key_twice": "column 'a' cannot be read: Invalid Input Error: Map keys must be unique.",
    "no_columns": "the table has no columns",
}
Write = Callable[[str], bytes]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write the rows of a query as Parquet."""

    def write(query: str) -> bytes:
        path = tmp_path / "table.parquet"
        duckdb.sql(f"COPY ({query}) TO '{path}' (FORMAT parquet, COMPRESSION zstd)")
        return path.read_bytes()

    return write


async def opened(content: bytes) -> tuple[str | None, dict[str, str | None], list[Any]]:
    """Return the format, the columns with other names, and the rows as they are stored."""
    cluster = FakeCluster()
    cluster.put_config_map("default", "table", {}, binaryData={"t.parquet": b64encode(content).decode()})
    job = a_job(cases={"configMap": {"name": "table", "key": "t.parquet"}})
    async with CaseSources(cluster).opened(job) as table:
        rows = [json.loads(line) async for shard in table.shards for line in tableshards.lines(shard.text)]
        assert len(rows) == len(table.indexes)
        return table.format, {column.name: column.parameter for column in table.columns or ()}, rows


def answered(content: bytes) -> tuple[Opened, list[Any]]:
    """Return the same without a process."""
    first, *rest = [json.loads(line) for line in parquet.answer(content)]
    rows = [json.loads(line) for piece in rest[:-1] for line in piece["text"].splitlines()]
    return Opened(**first), rows


def parameters(content: bytes) -> list[dict[str, Any]]:
    head, rows = answered(content)
    assert head.problem == ""
    return [row["parameters"] for row in rows]


async def test_a_table_is_read_with_typed_values_in_a_separate_process(write: Write) -> None:
    content = write("""SELECT * FROM (VALUES (3, 'coarse', 100000, 1e-6::DOUBLE, 1.10::DECIMAL(3, 2), true),
                                             (8, 'fine', 2, 0.5::DOUBLE, 2.50::DECIMAL(3, 2), false))
                       t("__index_level_0__", mesh, "Wall [mm]", tol, version, "on")""")
    form, columns, rows = await opened(content)
    assert (form, columns) == ("Parquet", {"__index_level_0__": None, "Wall [mm]": "Wall_mm"})
    assert [row["parameters"] for row in rows] == [
        {"mesh": "coarse", "Wall_mm": 100000, "tol": 1e-6, "version": 1.1, "on": True},
        {"mesh": "fine", "Wall_mm": 2, "tol": 0.5, "version": 2.5, "on": False},
    ]
    assert [row["texts"]["version"] for row in rows] == ["1.10", "2.50"]


async def test_an_unreadable_table_waits_for_its_correction(write: Write) -> None:
    with pytest.raises(NoCasesError) as refusal:
        await opened(write("SELECT range AS a FROM range(100001)"))
    assert (refusal.value.reason, refusal.value.permanent) == (Reason.CASES_UNREADABLE, False)
    assert 'key "t.parquet" of ConfigMap "table" cannot be read: it has 100001 rows' in str(refusal.value)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        pytest.param("0.1::FLOAT", 0.1, id="a float of 32 bits"),
        pytest.param("9223372036854775807::BIGINT", 2**63 - 1, id="the largest integer"),
        pytest.param("255::UTINYINT", 255, id="an unsigned byte"),
        pytest.param("'mesh'::ENUM('mesh', 'none')", "mesh", id="a category"),
        pytest.param("DATE '2026-01-02'", "2026-01-02", id="a date"),
        pytest.param("TIMESTAMP '2026-01-02 03:04:05'", "2026-01-02 03:04:05", id="a timestamp"),
        pytest.param("[1, 2]", [1, 2], id="a list"),
        pytest.param("[[0.1::FLOAT]]", [[0.1]], id="floats of 32 bits in a list of lists"),
        pytest.param(
            "{'FLOAT': 0.1::FLOAT, 'a FLOAT': 1}",
            {"FLOAT": 0.1, "a FLOAT": 1},
            id="a struct whose fields are named like types",
        ),
        pytest.param("[1.10::DECIMAL(5, 2), NULL]", [1.1, None], id="decimals and a missing value in a list"),
        pytest.param("[]::INTEGER[]", [], id="an empty list"),
        pytest.param("MAP {'k': NULL}", {"k": None}, id="a missing value in a map"),
        pytest.param(
            "MAP {1.10::DECIMAL(5, 2): [TIME '03:04:05.5']}",
            {"1.10": ["03:04:05.5"]},
            id="a map from decimals to lists of times",
        ),
        pytest.param("INTERVAL '1 day 2 hours'", "1 day 02:00:00", id="an interval"),
        pytest.param("(-9223372036854775808)::BIGINT", -(2**63), id="the smallest integer"),
        pytest.param("['1e-7'::DOUBLE, 1e300::DOUBLE]", [1e-07, 1e300], id="floats of 64 bits in a list"),
        pytest.param("'{\"x\": 1.10}'::JSON", '{"x": 1.10}', id="JSON"),
        pytest.param("[{'y \"z\"': 'a\"b'}]", [{'y "z"': 'a"b'}], id="quotes in a struct in a list"),
        pytest.param("{'day': DATE '2026-01-02'}", {"day": "2026-01-02"}, id="a date in a struct"),
        pytest.param(
            "[uuid '00000000-0000-0000-0000-000000000001']",
            ["00000000-0000-0000-0000-000000000001"],
            id="a UUID in a list",
        ),
        pytest.param("MAP {DATE '2026-01-02': 1}", {"2026-01-02": 1}, id="a map from dates"),
        pytest.param("{'x': 0.5::DOUBLE, 'y': 'a'}", {"x": 0.5, "y": "a"}, id="a struct"),
        pytest.param(
            "uuid '00000000-0000-0000-0000-000000000001'", "00000000-0000-0000-0000-000000000001", id="a UUID"
        ),
    ],
)
def test_a_value_keeps_its_type_or_becomes_a_text(write: Write, expression: str, value: Any) -> None:
    assert parameters(write(f"SELECT {expression} AS a")) == [{"a": value}]


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        pytest.param("SELECT 1 AS a WHERE false", "the table has no rows", id="a table without rows"),
        pytest.param(
            "SELECT unnest([1, NULL, 3]) AS a, 2 AS b",
            "row 2: 'a' has no value: fill it in, or write an empty text",
            id="a missing value",
        ),
        pytest.param(
            "SELECT 'nan'::DOUBLE AS a",
            "row 1: 'a' is NaN, which is not a number: fill it in, or write a text",
            id="NaN",
        ),
        pytest.param(
            "SELECT 18446744073709551615::UBIGINT AS a",
            "row 1: 'a' is 18446744073709551615, a number beyond 64 bits",
            id="an integer beyond 64 bits",
        ),
        pytest.param(
            "SELECT repeat('x', 1025) AS a",
            "row 1: 'a' must not be longer than 1024 characters",
            id="a text that is too long",
        ),
        pytest.param(
            f"SELECT [1, {2**64 - 1}]::UBIGINT[] AS a",
            f"row 1: 'a' holds {2**64 - 1}, a number beyond 64 bits",
            id="an integer beyond 64 bits in a list",
        ),
        pytest.param(
            f"SELECT {2**63}::DECIMAL(38, 0) AS a",
            f"row 1: 'a' is {2**63}, a number beyond 64 bits, which readers of",
            id="a decimal beyond 64 bits",
        ),
        pytest.param(
            f"SELECT [{2**63}::DECIMAL(38, 2)] AS a",
            f"row 1: 'a' holds {2**63}.00, a number beyond 64 bits",
            id="a decimal beyond 64 bits in a list",
        ),
        pytest.param(
            "SELECT 9007199254740993.5::DECIMAL(38, 2) AS a",
            "row 1: 'a' is 9007199254740993.50, a decimal of more",
            id="a decimal of more digits than a float keeps",
        ),
        pytest.param(
            "SELECT {'x': 0.12345678901234567891::DECIMAL(38, 20)} AS a",
            "row 1: 'a' holds 0.12345678901234567891, a",
            id="such a decimal in a struct",
        ),
        pytest.param(
            "SELECT {'x': ['nan'::FLOAT]} AS a",
            "row 1: 'a' holds NaN, which is not a number: fill it in, or write a text",
            id="NaN in a list in a struct",
        ),
        pytest.param(
            "SELECT '-inf'::DOUBLE AS a",
            "row 1: 'a' is -Infinity, which JSON has no number for: write it as a text",
            id="minus infinity",
        ),
        pytest.param("SELECT 'x'::BLOB AS a", "column 'a' holds bytes, not texts or numbers", id="bytes"),
        pytest.param(
            "SELECT ['x'::BLOB] AS \"Wall [mm]\"",
            "column 'Wall [mm]' holds bytes, not texts or numbers",
            id="bytes in a list",
        ),
        pytest.param(
            "SELECT 'x'::VARIANT AS a",
            "column 'a' is of type VARIANT, which a parameter cannot have: write",
            id="a type that no parameter can have",
        ),
        pytest.param(
            "SELECT MAP {[1]: 1} AS a",
            "column 'a' is a map whose keys are not texts: write a list of structs",
            id="a map from lists",
        ),
        pytest.param(
            f"SELECT {'[' * 33}1{']' * 33} AS a",
            "column 'a' has more than 32 levels of lists and objects",
            id="a list of 33 levels",
        ),
        pytest.param(
            "SELECT 0 AS __index_level_0__",
            "no column is a parameter: each is empty, or numbers the rows",
            id="a table of row numbers only",
        ),
        pytest.param(
            'SELECT 1 AS "a b", 2 AS "a-b"',
            "columns 1 and 2, 'a b' and 'a-b', both give PARAM_A_B",
            id="two columns with the same variable",
        ),
        pytest.param(
            "SELECT {'x': 1, 'y': {'z': 2}} AS s, 1 AS b, 2 AS \"b \"",
            "columns 2 and 3, 'b' and 'b', both give",
            id="two columns that differ only in a blank",
        ),
    ],
)
def test_problems_are_reported_by_row_and_column(write: Write, query: str, problem: str) -> None:
    head, rows = answered(write(query))
    assert head.problem.startswith(problem)
    assert rows == []


def test_decimals_keep_their_digits_within_lists_and_structs(write: Write) -> None:
    nested = "{'p': [1.10::DECIMAL(5, 2), NULL], 'n': 'a\"b', 'on': true, 'm': MAP {'k': 2.50::DECIMAL(5, 2)}}"
    ((row,),) = [answered(write(f"SELECT {nested} AS a"))[1]]
    assert row["parameters"] == {"a": {"p": [1.1, None], "n": 'a"b', "on": True, "m": {"k": 2.5}}}
    assert row["texts"] == {"a": '{"p":[1.10,null],"n":"a\\"b","on":true,"m":{"k":2.50}}'}


@pytest.mark.parametrize(
    "time",
    [
        pytest.param("TIMESTAMP_NS '2026-01-02 03:04:05.123456789'", id="nanoseconds"),
        pytest.param("TIMESTAMPTZ '2026-01-02 03:04:05.5+00'", id="a time zone"),
        pytest.param("TIMESTAMP '2026-01-02 03:04:05.5'", id="a fraction of a second"),
        pytest.param("TIMESTAMP '2026-01-02 00:00:00'", id="midnight"),
        pytest.param("DATE '0001-01-01'", id="a date in the year 1"),
        pytest.param("TIME '03:04:05.5'", id="a time of day"),
        pytest.param("INTERVAL '36 hours'", id="an interval of more than a day"),
    ],
)
def test_a_time_has_the_same_text_when_nested(write: Write, time: str) -> None:
    (row,) = parameters(write(f"SELECT {time} AS a, [{time}] AS b, {{'x': {time}}} AS c, MAP {{{time}: 1}} AS d"))
    assert row["b"] == [row["a"]]
    assert row["c"] == {"x": row["a"]}
    assert row["d"] == {row["a"]: 1}


def test_a_time_with_a_zone_is_the_same_on_every_machine(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    content = write("SELECT TIMESTAMPTZ '2026-01-02 03:04:05+01' AS a")
    monkeypatch.setenv("TZ", "America/New_York")
    assert parameters(content) == [{"a": "2026-01-02 02:04:05+00"}]


def test_rows_without_any_value_are_skipped(write: Write) -> None:
    query = "SELECT * FROM (VALUES (1, 'a'), (NULL, NULL), (3, 'c')) t(x, y)"
    assert [row["name"] for row in answered(write(query))[1]] == ["0", "1"]


def test_a_damaged_file_is_not_an_operator_error(write: Write) -> None:
    content = write("SELECT 1 AS a")
    assert answered(content[:-20])[0].problem.startswith("it is not valid Parquet")
    assert "/proc/" not in answered(content[:-20])[0].problem
    assert answered(b"PAR1")[0].problem.startswith("it is not valid Parquet")


def test_a_file_that_unpacks_to_too_much_is_refused_before_it_is_read(write: Write) -> None:
    content = write("SELECT repeat('x', 15000000) || range AS a FROM range(10)")
    assert len(content) < 2**20
    assert answered(content)[0].problem == "it unpacks to 143 MiB; the limit is 128 MiB"


async def test_a_file_that_takes_more_memory_than_declared_is_refused() -> None:
    """90,000 rows share one text of 50 MB; pyarrow 26.0.1 wrote it, with a dictionary and zstd."""
    content = (FILES / "shared_text.parquet").read_bytes()
    with pytest.raises(NoCasesError, match="more than 256 MiB of memory"):
        await opened(content)


def test_the_process_reads_only_its_own_file() -> None:
    table = parquet._Table((FILES / "pandas.parquet").read_bytes())
    with pytest.raises(duckdb.Error, match="disabled"):
        table._query("SELECT * FROM read_text('/etc/hostname') WHERE $path <> ''")


def test_a_file_of_pandas_is_read() -> None:
    """pandas 3.1.1 with pyarrow 26.0.1: `frame[frame.re > 1].to_parquet(…)`, a float32 and a categorical in it."""
    head, rows = answered((FILES / "pandas.parquet").read_bytes())
    assert head.renamed == {"__index_level_0__": None, "Wall thickness [mm]": "Wall_thickness_mm"}
    assert len(rows) == 3
    assert [row["parameters"] for row in rows[:2]] == [
        {"mesh": "coarse", "re": 100000, "tol": 1e-6, "f32": 0.1, "on": True, "Wall_thickness_mm": 2.5},
        {"mesh": "fine", "re": 200000, "tol": 0.1, "f32": 2.5, "on": False, "Wall_thickness_mm": 3.0},
    ]


@pytest.mark.parametrize(
    ("number", "text"),
    [
        pytest.param("0", "0.000000000000", id="zero"),
        pytest.param("0.00000000001", "0.000000000010", id="a small number"),
    ],
)
def test_a_decimal_keeps_its_digits_without_an_exponent(write: Write, number: str, text: str) -> None:
    (row,) = answered(write(f"SELECT {number}::DECIMAL(18, 12) AS a"))[1]
    assert row["texts"] == {"a": text}


def test_types_that_no_reader_preserves_are_refused() -> None:
    """pyarrow 26.0.1 wrote them; duckdb writes none of these."""
    problems = {name: answered((FILES / "pyarrow" / f"{name}.parquet").read_bytes())[0].problem for name in PYARROW}
    assert problems == PYARROW


def test_types_of_polars_and_pyarrow_become_texts_and_numbers() -> None:
    """polars 2.1.0: Categorical, Enum, Duration, Time, Decimal in a Struct, Float16; pyarrow 26.0.1: nanoseconds."""
    first = parameters((FILES / "pyarrow" / "polars.parquet").read_bytes())[0]
    assert first == {
        "mesh": "coarse",
        "kind": "x",
        "d": 1000000,
        "t": "01:02:03.000004",
        "dec": 1.1,
        "arr": [1, 2],
        "st": {"p": 1.1, "q": [1.5]},
        "f16": 0.1,
    }
    zoned = "2026-01-02 03:04:05.123456789+00"
    assert parameters((FILES / "pyarrow" / "nanoseconds.parquet").read_bytes()) == [{"a": zoned, "b": [zoned]}]
