"""Each row of a table with the column `test` names the test that shows it, or says that there is none."""

import re

import pytest
from generated import ROOT

PAGES = ("docs/gitops.md", "docs/queues.md")
TESTS = {
    name
    for path in (ROOT / "tests").rglob("test_*.py")
    for name in re.findall(r"^def (test_\w+)\(", path.read_text(), re.MULTILINE)
}


def rows(page: str) -> list[str]:
    """Return the last cells of the tables of a page that have the column `test`, without their headers."""
    tables = re.findall(r"(?:^\|.*\|\n)+", (ROOT / page).read_text(), re.MULTILINE)
    shown = [table.splitlines() for table in tables if table.splitlines()[0].endswith("| test |")]
    return [row.removesuffix("|").rpartition("|")[2].strip() for table in shown for row in table[2:]]


@pytest.mark.parametrize("page", PAGES)
def test_each_row_names_an_existing_test_or_says_that_it_is_untested(page: str) -> None:
    assert rows(page)
    for cell in rows(page):
        named = re.findall(r"`(\w+)`", cell)
        assert named or cell == "**untested**", cell
        assert set(named) <= TESTS, cell
