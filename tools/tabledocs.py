"""The end of docs/tables.md: odd tables and how each is read, from tests/given/oddtables.py."""

import codecs
from pathlib import Path
from typing import Final

from given.oddtables import ODD_TABLES, Odd
from simjob.core.usertables import encoding
from simjob.core.usertables.problems import UnreadableTableError

_MARK: Final = "<!-- From here on written by"
_LINES: Final = 4
_COLUMNS: Final = 90


def render(page: Path) -> str:
    """Return the page, with what was written by hand and the tables as they are now."""
    by_hand, mark, rest = page.read_text().partition(_MARK)
    head = f"{by_hand}{mark}{rest.partition(chr(10))[0]}\n"
    read = [odd for odd in ODD_TABLES if odd.is_read]
    refused = [odd for odd in ODD_TABLES if not odd.is_read]
    return "\n".join(
        [
            head,
            f"### {len(read)} that are read",
            "",
            "| the table | its first lines | is read as | first case | columns |",
            "|---|---|---|---|---|",
            *(_row(odd.title, _start(odd), odd.says, _case(odd), _columns(odd)) for odd in read),
            "",
            f"### {len(refused)} that are refused",
            "",
            "| the table | its first lines | the message |",
            "|---|---|---|",
            *(_row(odd.title, _start(odd), f"{_escaped(odd.says)} …") for odd in refused),
            "",
        ]
    )


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _start(odd: Odd) -> str:
    if isinstance(odd.content, bytes):
        return _bytes(odd.content)
    return _lines(odd.content)


def _bytes(content: bytes) -> str:
    try:
        text = encoding.decode(content)
    except UnreadableTableError:
        return _code(repr(content[:_COLUMNS]))
    if "\0" in text:
        return _code(repr(content[:_COLUMNS]))
    return f"{_lines(text)}<br>({'UTF-8 with a mark' if content.startswith(codecs.BOM_UTF8) else 'UTF-16'})"


def _lines(text: str) -> str:
    lines = text.replace("\r\n", "\n").replace("\r", "\n").splitlines()
    return "<br>".join(_code(line if len(line) <= _COLUMNS else f"{line[:_COLUMNS]}…") for line in lines[:_LINES])


def _case(odd: Odd) -> str:
    return "<br>".join(_code(f"{name}={text}") for name, text in odd.cases[0].items())


def _columns(odd: Odd) -> str:
    return "<br>".join(_change(header, parameter) for header, parameter in (odd.renamed or {}).items())


def _change(header: str, parameter: str | None) -> str:
    shown = _code(header) if header else "the one without a name"
    return f"{shown} is {_code(parameter)}" if parameter else f"{shown} is left out"


def _code(text: str) -> str:
    """Return a text as code in a cell: bars are escaped there, and tabs shown."""
    shown = text.replace("\t", "→").replace("\ufeff", "").replace("|", "\\|")
    return f"`{shown}`" if shown.strip() else "(blank)"


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")
