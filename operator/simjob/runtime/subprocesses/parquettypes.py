"""Choose how duckdb reads a Parquet column, by its type, so that values lose no precision.

A value without a type in JSON becomes a text, as duckdb formats it, also within lists and structs. Python's types would
cut nanoseconds.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from duckdb.sqltypes import DuckDBPyType

from simjob.api.sweep.values import MAX_DEPTH
from simjob.core.usertables import exactcells
from simjob.core.usertables.exactcells import Reader
from simjob.core.usertables.problems import LineError

_NESTED: Final = frozenset({"list", "struct", "map"})
_WHOLE: Final = ("tinyint", "smallint", "integer", "bigint", "utinyint", "usmallint", "uinteger", "ubigint")
_AS_THEY_ARE: Final[Mapping[str, Reader]] = {
    "boolean": exactcells.plain,
    **dict.fromkeys(_WHOLE, exactcells.whole),
    "double": exactcells.double,
    "decimal": exactcells.decimal,
}
# In addition to all types of times.
_AS_TEXTS: Final[Mapping[str, Reader]] = {
    **dict.fromkeys(("varchar", "date", "uuid", "interval", "null"), exactcells.plain),
    "float": exactcells.single,
}
_MOST_DIGITS: Final = 38


@dataclass(frozen=True, slots=True)
class Node:
    """A line of a file's schema, in depth-first order. `children` is None for a leaf, which holds the values."""

    name: str
    children: int | None
    digits: int | None
    logical_type: str | None


@dataclass(frozen=True, slots=True)
class ColumnType:
    """The SQL type to read a column as, and the reader of its values."""

    sql: str
    read: Reader


@dataclass(slots=True)
class _Group:
    left: int
    names: dict[str, str] = field(default_factory=dict)


def columns(schema: Sequence[Node]) -> Iterator[Sequence[Node]]:
    """Yield the schema lines of each column. The first line of `schema` is its root."""
    first = missing = 1
    for at, node in enumerate(schema[1:], start=1):
        missing += (node.children or 0) - 1
        if not missing:
            yield schema[first : at + 1]
            first, missing = at + 1, 1


def of(kind: DuckDBPyType, column: Sequence[Node]) -> ColumnType:
    """Return how to read a column; raise LineError if no parameter can hold its values.

    The message of the error continues a sentence that begins with the column.
    """
    _check_fields(column)
    return _type(kind, (node for node in column if node.children is None), MAX_DEPTH)


def _check_fields(column: Sequence[Node]) -> None:
    """Raise LineError if field names of one struct differ only in case: duckdb would rename one of them."""
    groups = [_Group(1)]
    for node in column:
        while not groups[-1].left:
            groups.pop()
        group = groups[-1]
        group.left -= 1
        if (name := node.name.lower()) in group.names:
            both = f"'{group.names[name]}' and '{node.name}'"
            raise LineError(f"has the fields {both}, whose names differ at most in case: rename one of them")
        group.names[name] = node.name
        if node.children:
            groups.append(_Group(node.children))


def _type(kind: DuckDBPyType, leaves: Iterator[Node], levels: int) -> ColumnType:
    if kind.id not in _NESTED:
        return _leaf(kind, next(leaves))
    if not levels:
        raise LineError(f"has more than {MAX_DEPTH} levels of lists and objects: store them in files")
    inner = [(name, child) for name, child in kind.children if isinstance(child, DuckDBPyType)]
    found = [(name, _type(child, leaves, levels - 1)) for name, child in inner]
    match kind.id, [column for _, column in found]:
        case "list", [item]:
            return ColumnType(f"{item.sql}[]", exactcells.items(item.read))
        case "map", [_, value]:
            if inner[0][1].id in _NESTED:
                raise LineError("is a map whose keys are not texts: write a list of structs")
            return ColumnType(f"MAP(VARCHAR, {value.sql})", exactcells.entries(value.read))
        case _:
            sql = ", ".join(f"{quoted(name)} {column.sql}" for name, column in found)
            return ColumnType(f"STRUCT({sql})", exactcells.fields({name: column.read for name, column in found}))


def _leaf(kind: DuckDBPyType, node: Node) -> ColumnType:
    if kind.id == "blob":
        raise LineError("holds bytes, not texts or numbers: write texts")
    if kind.id == "double" and (node.digits or 0) > _MOST_DIGITS:
        what = f"holds decimals of {node.digits} digits; the limit is {_MOST_DIGITS}"
        raise LineError(f"{what}: write them as texts, or with fewer digits")
    if kind.id == "float" and (node.logical_type or "").startswith("Float16"):
        return ColumnType(str(kind), exactcells.half)
    if kind.id in _AS_THEY_ARE:
        return ColumnType(str(kind), _AS_THEY_ARE[kind.id])
    if kind.id in _AS_TEXTS or kind.id.startswith("time"):
        return ColumnType("VARCHAR", _AS_TEXTS.get(kind.id, exactcells.plain))
    raise LineError(f"is of type {kind}, which a parameter cannot have: write texts or numbers")


def quoted(name: str) -> str:
    """Return a name as a quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'
