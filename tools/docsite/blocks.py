"""Blocks of the pages. Each shell block is run by a test, or says why none runs it.

A comment before a block says so: `<!-- run by tests/docs/test_results.py -->` or `<!-- not run: needs a registry -->`.
`<!-- console blocks run by tests/integration/operating/test_pages.py -->` speaks for all console blocks of its page.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_BLOCK: Final = re.compile(
    r"(?:^ *<!-- (?P<marker>[^>]*?) -->\n+)?^ *```(?P<language>console|sh|bash|shell)\n(?P<text>.*?)^ *```$",
    re.MULTILINE | re.DOTALL,
)
_PAGE: Final = re.compile(r"^<!-- console blocks run by (\S+) -->$", re.MULTILINE)
_NOT_RUN: Final = re.compile(r"not run: \S.*")


@dataclass(frozen=True, slots=True)
class Block:
    """A shell block, where it is, and the test that is said to run it."""

    page: Path
    line: int
    marker: str
    test: str | None

    @property
    def is_marked(self) -> bool:
        """Whether a test or a reason is named."""
        return self.test is not None or _NOT_RUN.fullmatch(self.marker) is not None


def fenced(page: str, language: str) -> list[str]:
    """Return the texts of a page's blocks in a language, indented as the page has them."""
    return re.findall(rf"```{language}\n(.*?)^ *```$", page, re.MULTILINE | re.DOTALL)


def blocks(page: Path) -> Iterator[Block]:
    """Find the shell blocks of a page."""
    text = page.read_text()
    whole = _PAGE.search(text)
    for found in _BLOCK.finditer(text):
        marker = found["marker"] or ""
        named = re.fullmatch(r"run by (\S+)", marker)
        test = named[1] if named else None
        if (not marker or _PAGE.match(f"<!-- {marker} -->")) and whole and found["language"] == "console":
            test = whole[1]
        yield Block(page, text.count("\n", 0, found.start("text")), marker, test)
