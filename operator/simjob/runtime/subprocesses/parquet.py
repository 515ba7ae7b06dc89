"""Read a Parquet table in a separate process, so that the operator does not load duckdb.

The request is the file. The first line of the answer is a `parquetanswer.Opened`: see
runtime/subprocesses/childprocess.py.
"""

import os
import re
import resource
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Any, Final

import duckdb
import msgspec

from simjob.api.schema import MAX_CASES
from simjob.api.sweep.cases import Case
from simjob.core.cases import tableshards
from simjob.core.usertables import cells, columns, parse
from simjob.core.usertables.cells import Cell
from simjob.core.usertables.exactcells import Reader
from simjob.core.usertables.problems import LineError, Problems, UnreadableTableError
from simjob.runtime.subprocesses import childprocess, parquettypes
from simjob.runtime.subprocesses.parquetanswer import Opened
from simjob.runtime.subprocesses.parquettypes import Node

_MIB: Final = 1024 * 1024
# A ConfigMap holds at most one MiB, but a small file can unpack to gigabytes. Its metadata gives the unpacked size, and
# can be wrong. So the memory of the process is limited too: the operator needs the rest of the container's memory.
# 100,000 rows of 64 numbers take 140 MiB.
_MOST_UNPACKED: Final = 128 * _MIB
_MOST_MEMORY: Final = 256 * _MIB
_MOST_COLUMNS: Final = 256
_BATCH: Final = 1000
_SCHEMA: Final = "SELECT name, num_children, precision, logical_type FROM parquet_schema($path)"
# duckdb's message for a file without columns. Nothing else identifies this error.
_NO_COLUMN: Final = "Need at least one non-root column"
# The path of the file inside this process, which means nothing to the user.
_PLACE: Final = re.compile(r" ['\"]/proc/self/fd/[0-9]+['\"]")


class _Table:
    """A Parquet file in memory."""

    def __init__(self, content: bytes) -> None:
        self._file = os.memfd_create("table.parquet")
        os.write(self._file, content)
        self._path = f"/proc/self/fd/{self._file}"
        # duckdb may read this one file, starts no threads, and downloads nothing.
        self._connection = duckdb.connect(config={"threads": 1, "memory_limit": "128MB", "temp_directory": ""})
        # Without this, times with a zone would depend on the machine.
        self._connection.execute("SET GLOBAL TimeZone = 'UTC'")
        for setting in ("autoinstall_known_extensions", "autoload_known_extensions"):
            self._connection.execute(f"SET {setting} = false")
        self._connection.execute(f"SET allowed_paths = ['{self._path}']")
        self._connection.execute("SET enable_external_access = false")
        self._check_size()
        schema = list(parquettypes.columns([Node(*line) for line in self._query(_SCHEMA)]))
        self._headers = [column[0].name for column in schema]
        self._selected, self._readers = zip(*self._typed(schema), strict=True)
        self.columns = self._columns()

    def cases(self) -> Iterator[Case]:
        """Yield the cases. Raise UnreadableTableError, at the end at the latest, if any row is invalid."""
        problems = Problems("row")
        kept = [(at, column.parameter) for at, column in enumerate(self.columns) if column.parameter]
        count = 0
        for row, record in enumerate(self._rows([at for at, _ in kept]), start=1):
            if all(value is None for value in record):
                continue
            try:
                pairs = zip(kept, record, strict=True)
                found = {name: _cell(name, self._readers[at], value) for (at, name), value in pairs}
            except LineError as wrong:
                problems.add(row, wrong)
                continue
            yield cells.case(count, found)
            count += 1
        problems.check()
        if not count:
            raise UnreadableTableError("the table has no rows")

    def _check_size(self) -> None:
        """Raise UnreadableTableError if the table is too large, before it is unpacked."""
        ((rows,),) = self._query("SELECT num_rows FROM parquet_file_metadata($path)")
        if rows > MAX_CASES:
            raise UnreadableTableError(f"it has {rows} rows; the limit is {MAX_CASES}")
        ((size,),) = self._query("SELECT coalesce(sum(total_uncompressed_size), 0) FROM parquet_metadata($path)")
        if size > _MOST_UNPACKED:
            raise UnreadableTableError(f"it unpacks to {size // _MIB} MiB; the limit is {_MOST_UNPACKED // _MIB} MiB")

    def _typed(self, schema: Sequence[Sequence[Node]]) -> Iterator[tuple[str, Reader]]:
        """Yield for each column the SQL expression that selects it, and the reader of its values."""
        if len(schema) > _MOST_COLUMNS:
            raise UnreadableTableError(f"it has {len(schema)} columns; the limit is {_MOST_COLUMNS}")
        # duckdb renames columns whose names are equal or differ only in case. The schema has the names of the file.
        found = self._connection.read_parquet(self._path)
        for name, kind, column in zip(found.columns, found.types, schema, strict=True):
            try:
                column_type = parquettypes.of(kind, column)
            except LineError as error:
                raise UnreadableTableError(f"column {columns.shown(column[0].name)} {error}") from error
            yield f"CAST({parquettypes.quoted(name)} AS {column_type.sql})", column_type.read

    def _columns(self) -> Sequence[columns.Column]:
        try:
            return columns.of(self._headers, self._cells_of)
        except LineError as error:
            raise UnreadableTableError(str(error)) from error

    def _cells_of(self, column: int) -> list[str]:
        return ["" if value is None else str(value) for (value,) in self._rows([column])]

    def _rows(self, wanted: Sequence[int]) -> Iterator[tuple[Any, ...]]:
        """Yield the rows with only the wanted columns; raise UnreadableTableError if a column cannot be read."""
        cursor = self._connection.cursor()
        selected = ", ".join(self._selected[at] for at in wanted)
        try:
            cursor.execute(f"SELECT {selected} FROM read_parquet($path)", {"path": self._path})  # noqa: S608
            while batch := cursor.fetchmany(_BATCH):
                yield from batch
        except duckdb.OutOfMemoryException:
            raise
        except duckdb.Error as error:
            if len(wanted) == 1:
                what = f"column {columns.shown(self._headers[wanted[0]])} cannot be read: {_first_line(error)}"
                raise UnreadableTableError(what) from error
            for at in wanted:
                deque(self._rows([at]), maxlen=0)
            raise

    def _query(self, query: str) -> list[tuple[Any, ...]]:
        return self._connection.execute(query, {"path": self._path}).fetchall()


def answer(content: bytes) -> Iterator[bytes]:
    """Yield the lines of the answer to a request, the content of a file."""
    try:
        table = _Table(content)
        # Read all rows twice, first to find errors, then to pack: only one shard at a time is in memory.
        rows = sum(1 for _ in table.cases())
    except (UnreadableTableError, duckdb.Error, MemoryError, UnicodeDecodeError) as error:
        yield msgspec.json.encode(Opened(problem=_words(error))) + b"\n"
        yield childprocess.END
        return
    renamed = dict(columns.renamed(table.columns))
    yield msgspec.json.encode(Opened(digest=sha256(content).hexdigest(), rows=rows, renamed=renamed)) + b"\n"
    yield from childprocess.packed(tableshards.pack(table.cases()))


def _words(error: Exception) -> str:
    match error:
        case UnreadableTableError():
            return str(error)
        case duckdb.OutOfMemoryException() | MemoryError():
            return f"reading it takes more than {_MOST_MEMORY // _MIB} MiB of memory: write shorter texts, or CSV"
        case _ if _NO_COLUMN in str(error):
            return "the table has no columns"
        case _:
            return f"it is not valid Parquet: {_first_line(error)}"


def _first_line(error: Exception) -> str:
    return _PLACE.sub("", str(error).partition("\n")[0])


def _cell(name: str, read: Reader, value: Any) -> Cell:
    if value is None:
        raise LineError(f"'{name}' has no value: fill it in, or write an empty text")
    try:
        cell = read(value)
    except LineError as wrong:
        raise LineError(f"'{name}' {'holds' if isinstance(value, list | dict) else 'is'} {wrong}") from wrong
    parse.check(name, cell.value)
    return cell


def main() -> None:
    """Answer one request, from standard input to standard output, within the memory limit."""
    resource.setrlimit(resource.RLIMIT_DATA, (_MOST_MEMORY, _MOST_MEMORY))
    childprocess.write(answer(sys.stdin.buffer.read()))


if __name__ == "__main__":
    main()
