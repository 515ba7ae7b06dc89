"""Reads a Parquet table in a process of its own. The only module that imports duckdb.

The request is the file. The first line of the answer (runtime/subprocesses/helpers.py) is a parquetfile.Opened.
"""

import os
import re
import resource
import sys
from collections.abc import Iterator, Sequence
from decimal import Decimal
from hashlib import sha256
from typing import Any, Final

import duckdb
import msgspec

from simjob.api.schema import MAX_CASES
from simjob.api.sweep import values
from simjob.api.sweep.cases import Case
from simjob.core.cases import tableshards
from simjob.core.usertables import cells, columns, parse
from simjob.core.usertables.cells import Cell
from simjob.core.usertables.problems import LineError, Problems, UnreadableTableError
from simjob.runtime.subprocesses import helpers
from simjob.runtime.subprocesses.parquetanswer import Opened

_MIB: Final = 1024 * 1024
# A ConfigMap holds one MiB. What it unpacks to is known before it is unpacked, but a file can lie about it. So the
# memory of the process is limited, too: the operator needs the rest of their container. 100,000 rows of 64 numbers take
# 140 MiB.
_MOST_UNPACKED: Final = 128 * _MIB
_MOST_MEMORY: Final = 256 * _MIB
_MOST_COLUMNS: Final = 256
_BATCH: Final = 1000

# What JSON has no type for becomes a text, as duckdb writes it. A FLOAT is read as it is written: 0.1, not
# 0.10000000149011612.
_AS_IT_IS: Final = ("BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER")
_KINDS_OF: Final = ("STRUCT", "MAP", "DECIMAL")
# A 32-bit float in a type, also within a list or a struct; a quoted name of a field is none.
_FLOAT: Final = re.compile(r'("(?:[^"]|"")*")|\bFLOAT(?=[,)\[]|$)')


class _Table:
    """A Parquet file in memory."""

    def __init__(self, content: bytes) -> None:
        self._file = os.memfd_create("table.parquet")
        os.write(self._file, content)
        self._path = f"/proc/self/fd/{self._file}"
        # It reads this one file, starts no thread, and fetches nothing.
        self._connection = duckdb.connect(config={"threads": 1, "memory_limit": "128MB", "temp_directory": ""})
        for setting in ("autoinstall_known_extensions", "autoload_known_extensions"):
            self._connection.execute(f"SET {setting} = false")
        self._connection.execute(f"SET allowed_paths = ['{self._path}']")
        self._connection.execute("SET enable_external_access = false")
        self._check_size()
        self._types = self._query("DESCRIBE SELECT * FROM read_parquet($path)")
        self.columns = self._columns()

    def cases(self) -> Iterator[Case]:
        """Yield the cases; raise UnreadableTableError, at the end at the latest."""
        problems = Problems("row")
        kept = [(at, column.parameter) for at, column in enumerate(self.columns) if column.parameter]
        count = 0
        for row, record in enumerate(self._rows([at for at, _ in kept]), start=1):
            if all(value is None for value in record):
                continue
            try:
                pairs = zip(kept, record, strict=True)
                found = {name: _cell(name, value) for (_, name), value in pairs}
            except LineError as wrong:
                problems.add(row, wrong)
                continue
            yield cells.case(count, found)
            count += 1
        problems.check()
        if not count:
            raise UnreadableTableError("the table has no rows")

    def _check_size(self) -> None:
        """Refuse what is too large before it is unpacked."""
        ((rows,),) = self._query("SELECT num_rows FROM parquet_file_metadata($path)")
        if rows > MAX_CASES:
            raise UnreadableTableError(f"there are {rows} rows; {MAX_CASES} are the most")
        ((size,),) = self._query("SELECT coalesce(sum(total_uncompressed_size), 0) FROM parquet_metadata($path)")
        if size > _MOST_UNPACKED:
            raise UnreadableTableError(f"it unpacks to {size // _MIB} MiB; {_MOST_UNPACKED // _MIB} are the most")

    def _columns(self) -> Sequence[columns.Column]:
        # duckdb gives names that differ in case only, or are there twice, other ones: these are the file's own.
        schema = self._query("SELECT name, coalesce(num_children, 0) FROM parquet_schema($path)")
        headers = list(_top_level(schema))
        if len(headers) > _MOST_COLUMNS:
            raise UnreadableTableError(f"there are {len(headers)} columns; {_MOST_COLUMNS} are the most")
        for header, (_, kind, *_) in zip(headers, self._types, strict=True):
            if kind == "BLOB":
                raise UnreadableTableError(f"column {columns.shown(header)} holds bytes, and not texts or numbers")
        try:
            return columns.of(headers, self._cells_of)
        except LineError as error:
            raise UnreadableTableError(str(error)) from error

    def _cells_of(self, column: int) -> list[str]:
        return ["" if value is None else str(value) for (value,) in self._rows([column])]

    def _rows(self, wanted: Sequence[int]) -> Iterator[tuple[Any, ...]]:
        selected = ", ".join(_expression(*self._types[at][:2]) for at in wanted)
        cursor = self._connection.cursor()
        cursor.execute(f"SELECT {selected} FROM read_parquet($path)", {"path": self._path})  # noqa: S608
        while batch := cursor.fetchmany(_BATCH):
            yield from batch

    def _query(self, query: str) -> list[tuple[Any, ...]]:
        return self._connection.execute(query, {"path": self._path}).fetchall()


def answer(content: bytes) -> Iterator[bytes]:
    """Yield the lines of the answer."""
    try:
        table = _Table(content)
        # Once to find what is wrong, once to pack: in memory there is never more than one shard.
        rows = sum(1 for _ in table.cases())
    except (UnreadableTableError, duckdb.Error, MemoryError, UnicodeDecodeError) as error:
        yield msgspec.json.encode(Opened(problem=_words(error))) + b"\n"
        yield helpers.END
        return
    renamed = dict(columns.renamed(table.columns))
    yield msgspec.json.encode(Opened(digest=sha256(content).hexdigest(), rows=rows, renamed=renamed)) + b"\n"
    yield from helpers.packed(tableshards.pack(table.cases()))


def _words(error: Exception) -> str:
    match error:
        case UnreadableTableError():
            return str(error)
        case duckdb.OutOfMemoryException() | MemoryError():
            return f"it takes more than {_MOST_MEMORY // _MIB} MiB of memory to read: write shorter texts, or CSV"
        case _:
            return f"it is not Parquet that can be read: {str(error).partition(chr(10))[0]}"


def _top_level(schema: Sequence[tuple[str, int]]) -> Iterator[str]:
    """Yield the names of columns from a schema that is written depth first; its first line is the root."""
    at = 1
    while at < len(schema):
        yield schema[at][0]
        at = _after(schema, at)


def _after(schema: Sequence[tuple[str, int]], at: int) -> int:
    """Return the line after a node and all that is below it."""
    children = schema[at][1]
    at += 1
    for _ in range(children):
        at = _after(schema, at)
    return at


def _expression(name: str, kind: str) -> str:
    quoted = '"' + name.replace('"', '""') + '"'
    if kind == "FLOAT" or kind.endswith("]") or kind.startswith(_KINDS_OF):
        written = _with_floats_as("VARCHAR", kind)
        return quoted if written == kind else f"CAST(CAST({quoted} AS {written}) AS {_with_floats_as('DOUBLE', kind)})"
    return quoted if kind in (*_AS_IT_IS, "UBIGINT", "DOUBLE", "VARCHAR") else f"CAST({quoted} AS VARCHAR)"


def _with_floats_as(other: str, kind: str) -> str:
    return _FLOAT.sub(lambda found: found[1] or other, kind)


def _cell(name: str, value: Any) -> Cell:
    if value is None:
        raise LineError(f"'{name}' has no value: fill it in, or write an empty text")
    if isinstance(value, Decimal):
        return cells.read(f"{value:f}")
    plain = _plain(name, value)
    parse.check(name, plain)
    return Cell(plain, values.as_text(plain))


def _plain(name: str, value: Any) -> Any:
    """Return a value with only what JSON has a type for, also within lists and structs."""
    match value:
        case list():
            return [_plain(name, inner) for inner in value]
        case dict():
            return {str(key): _plain(name, inner) for key, inner in value.items()}
        case Decimal():
            return cells.read(f"{value:f}").value
        case bytes():
            raise LineError(f"'{name}' holds bytes, and not texts or numbers")
        case None | bool() | int() | float() | str():
            return value
        case _:
            return str(value)


def main() -> None:
    """Answer one request."""
    resource.setrlimit(resource.RLIMIT_DATA, (_MOST_MEMORY, _MOST_MEMORY))
    helpers.write(answer(sys.stdin.buffer.read()))


if __name__ == "__main__":
    main()
