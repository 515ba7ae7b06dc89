"""From the header of a table to the names of parameters.

A legal name stays unchanged. In any other, accents are dropped, Greek letters are spelled out, each run of other
characters becomes one underscore, underscores at the ends are dropped, and a leading digit gets an x in front.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from simjob.api.crd import rules
from simjob.api.schema import MAX_PARAMETERS, PARAMETER_NAME
from simjob.core.usertables import numerals
from simjob.core.usertables.problems import LineError, cut

_LEGAL: Final = re.compile(PARAMETER_NAME)
_OTHERS: Final = re.compile("[^A-Za-z0-9_]+")
# Half of a character. JSON can escape it, but UTF-8 cannot encode it, so no ConfigMap or environment variable holds it.
LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_LONGEST: Final = 63
_QUOTED: Final = 100
# Matches, for example, LATIN SMALL LETTER O WITH STROKE and GREEK CAPITAL LETTER OMEGA.
_LETTER: Final = re.compile("(LATIN|GREEK) (SMALL|CAPITAL) LETTER (?:FINAL )?([A-Z]+)( WITH .*)?")
# pandas' name for a column without one, when a file with an index is read and written again.
_UNNAMED: Final = re.compile("(Unnamed: 0|__index_level_0__)?")
# pandas' name for an index without one in Parquet. These are the last columns.
_PANDAS_INDEX: Final = re.compile("__index_level_[0-9]+__")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: its header as written, and the name of its parameter. None: the column is left out."""

    header: str
    parameter: str | None


def parameter_name(header: str) -> str:
    """Return the name of the parameter for a header. Raise LineError if the header gives no legal name."""
    header = header.strip()
    if _LEGAL.fullmatch(header):
        return header
    plain = "".join(_spelled(char) for char in unicodedata.normalize("NFKD", header.replace("ß", "ss")))
    if strange := [char for char in plain if not char.isascii() and (char.isalpha() or LONE_SURROGATE.match(char))]:
        what = f"column {shown(header)}: the letter {strange[0]!r} cannot be part of a parameter's name"
        raise LineError(f"{what}; use a to z, 0 to 9 and _")
    name = _OTHERS.sub("_", plain).strip("_")
    if name[:1].isdigit():
        name = f"x{name}"
    if not name:
        raise LineError(f"column {shown(header)} has no letter or digit to make a parameter's name from")
    if len(name) > _LONGEST:
        raise LineError(f"column {shown(header)} gives a name of {len(name)} characters; the limit is {_LONGEST}")
    return name


def _spelled(char: str) -> str:
    if char.isascii():
        return char
    if unicodedata.combining(char):
        return ""
    found = _LETTER.fullmatch(unicodedata.name(char, ""))
    if found is None:
        return char
    # LATIN LETTER A to Z, and AE, OE; not letters with a name of their own, such as ESH.
    if found[1] == "LATIN" and len(found[3]) > 2:
        return char
    return found[3].lower() if found[2] == "SMALL" else found[3].capitalize()


def of(headers: Sequence[str], cells_of: Callable[[int], Sequence[str]]) -> Sequence[Column]:
    """Return the columns of a table in order. `cells_of` returns the cells of a column by its number, from 0.

    Raise LineError if a column has no legal name, or if two give the same environment variable.
    """
    names = [header for header in headers if header.strip()]
    if names and all(numerals.is_number(name) for name in names):
        raise LineError("there are numbers where the names of the columns belong: add a header line")
    found = [_column(at, header.strip(), cells_of) for at, header in enumerate(headers)]
    if found and all(column.parameter is None for column in found):
        raise LineError("no column is a parameter: each is empty, or numbers the rows")
    check(found)
    return found


def check(columns: Sequence[Column]) -> None:
    """Raise LineError for too many parameters, an illegal one, or two with the same environment variable."""
    count = sum(column.parameter is not None for column in columns)
    if count > MAX_PARAMETERS:
        raise LineError(f"has {count} parameters; the limit is {MAX_PARAMETERS}")
    for column in columns:
        if column.parameter in rules.NAMES_OF_BOOLEANS:
            raise LineError(f"has a parameter named '{column.parameter}': {rules.QUOTE_BOOLEANS}")
    for clash in _clashes(columns):
        raise LineError(clash)


def _column(at: int, header: str, cells_of: Callable[[int], Sequence[str]]) -> Column:
    may_number = _UNNAMED.fullmatch(header) if at == 0 else _PANDAS_INDEX.fullmatch(header)
    cells = cells_of(at) if may_number or not header else ()
    if may_number and _is_numbering(cells):
        return Column(header, None)
    if not header:
        if not any(cell.strip() for cell in cells):
            return Column(header, None)
        what = "and does not number the rows" if at == 0 else "but it has cells"
        raise LineError(f"column {at + 1} has no name, {what}: give it one, or leave it out (pandas: index=False)")
    return Column(header, parameter_name(header))


def _is_numbering(cells: Sequence[str]) -> bool:
    return bool(cells) and all(numerals.is_whole(cell) for cell in cells) and len({*cells}) == len(cells)


def _clashes(columns: Sequence[Column]) -> Iterator[str]:
    """Yield a message for each two columns whose parameters have the same environment variable."""
    seen: dict[str, tuple[int, Column]] = {}
    for at, column in enumerate(columns, start=1):
        if column.parameter is None:
            continue
        first_at, first = seen.setdefault(column.parameter.upper(), (at, column))
        if first is column:
            continue
        both = f"columns {first_at} and {at}, {shown(first.header)} and {shown(column.header)},"
        yield f"{both} both give PARAM_{column.parameter.upper()}: rename one of them"


def renamed(columns: Sequence[Column]) -> Mapping[str, str | None]:
    """Return the columns that were renamed or left out: the parameter's name, or None, by header."""
    return {column.header: column.parameter for column in columns if column.parameter != column.header}


def shown(header: str) -> str:
    """Return a header as messages quote it."""
    return repr(cut(header, _QUOTED))
