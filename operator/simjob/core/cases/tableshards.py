"""The case table: JSON Lines in immutable ConfigMaps, each named after the first index in it.

Each line is a case, in the order of the indexes:
{"index":3,"name":"3","parameters":{"mesh":2.5},"texts":{"mesh":"2.50"}}.
`texts` is absent if JSON writes the values as the user did, and in tables of older operators.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

import msgspec

from simjob.api import names
from simjob.api.simulationjob import SimulationJob
from simjob.api.sweep.cases import Case
from simjob.api.sweep.ranges import Ranges
from simjob.api.sweep.values import Value
from simjob.core.children import configmaps

# Maximum size of a ConfigMap's data as escaped JSON. The API server accepts 1 MiB of unescaped data.
MAX_SHARD_BYTES: Final = 900 * 1024
_LONGEST_NAME: Final = 63


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """One ConfigMap of a table: its text, and the first index in it."""

    first: int
    text: str


class DamagedTableError(Exception):
    """A case table that is not as the operator wrote it. The text says what is wrong."""


class _Line(msgspec.Struct, omit_defaults=True):
    index: int
    name: str
    parameters: dict[str, Value]
    texts: dict[str, str] = {}


class _Index(msgspec.Struct):
    index: int


_LINES: Final = msgspec.json.Decoder(_Line)
_INDEXES: Final = msgspec.json.Decoder(_Index)


def digest(*parts: str) -> str:
    """Return a hash of these parts in eight hexadecimal digits, to distinguish tables."""
    found = sha256()
    for part in parts:
        found.update(sha256(part.encode()).digest())
    return found.hexdigest()[:8]


def pack(cases: Iterable[Case]) -> Iterator[Shard]:
    """Yield the shards of these cases, each as large as allowed. The cases must be in the order of their indexes."""
    kept: list[str] = []
    first = size = 0
    for case in cases:
        written = _Line(case.index, case.name, dict(case.parameters), dict(case.texts))
        line = msgspec.json.encode(written).decode() + "\n"
        length = len(msgspec.json.encode(line)) - 2
        if kept and size + length > MAX_SHARD_BYTES:
            yield Shard(first=first, text="".join(kept))
            kept, size = [], 0
        if not kept:
            first = case.index
        kept.append(line)
        size += length
    if kept:
        yield Shard(first=first, text="".join(kept))


def select(shard: Sequence[str], wanted: Ranges) -> Shard | None:
    """Return a shard with the unchanged lines of the wanted indexes; None if there are none.

    Raise DamagedTableError if a line cannot be read.
    """
    found = [line for line in shard if _index(line) in wanted]
    return Shard(first=_index(found[0]), text="".join(f"{line}\n" for line in found)) if found else None


def lines(text: str) -> list[str]:
    """Return the lines of a shard, without the line feeds."""
    # Not str.splitlines: it also splits at other characters, which a parameter's text may contain.
    return [line for line in text.split("\n") if line]


def cases(text: str) -> Iterator[Case]:
    """Yield the cases of a shard. Raise DamagedTableError if a line cannot be read."""
    for line in lines(text):
        try:
            found = _LINES.decode(line)
        except msgspec.DecodeError as error:
            raise DamagedTableError(f"a line cannot be read: {error}") from error
        yield Case(found.index, found.name, found.parameters, found.texts)


def find(shard: Sequence[str], index: int) -> Case:
    """Return a case from the lines of its shard. Raise DamagedTableError if it is missing or cannot be read."""
    at = bisect_right(shard, index, key=_index) - 1
    try:
        found = _LINES.decode(shard[at])
    except (IndexError, msgspec.DecodeError) as error:
        raise DamagedTableError(f"case {index} cannot be read: {error}") from error
    if found.index != index:
        raise DamagedTableError(f"case {index} is not in it")
    return Case(found.index, found.name, found.parameters, found.texts)


def _index(line: str) -> int:
    try:
        return _INDEXES.decode(line).index
    except msgspec.DecodeError as error:
        raise DamagedTableError(f"a line cannot be read: {error}") from error


def shard_name(job: str, table: str, first: int) -> str:
    """Return NAME-cases-DIGEST-FIRST for a shard of the table with this digest: at most 63 characters, NAME is cut."""
    suffix = f"-cases-{table}-{first}"
    return job[: _LONGEST_NAME - len(suffix)].rstrip("-.") + suffix


def shard_of(shards: Sequence[str], index: int) -> str:
    """Return the name of the shard with this case. Raise DamagedTableError if there is none."""
    at = bisect_right(shards, index, key=_first) - 1
    if at < 0:
        raise DamagedTableError(f"case {index} is in no ConfigMap of `status.caseTable`")
    return shards[at]


def _first(shard: str) -> int:
    try:
        return int(shard.rpartition("-")[2])
    except ValueError as error:
        raise DamagedTableError(
            f"`status.caseTable` names {shard}, which is not a name that the operator gives"
        ) from error


def render(job: SimulationJob, name: str, text: str) -> bytes:
    """Return the JSON of a shard's ConfigMap. It is immutable, and is deleted with the SimulationJob."""
    return configmaps.render(job, name, "cases", names.CASES_KEY, text, immutable=True)
