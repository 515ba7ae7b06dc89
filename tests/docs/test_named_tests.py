"""Each row of the tables of docs/gitops.md names the test that shows it, or says that there is none."""

import re

from generated import ROOT

PAGE = (ROOT / "docs/gitops.md").read_text()
TESTS = {
    name
    for path in (ROOT / "tests").rglob("test_*.py")
    for name in re.findall(r"^def (test_\w+)\(", path.read_text(), re.MULTILINE)
}


def rows() -> list[str]:
    """Return the last cells of the tables that have the column `test`, without their headers."""
    tables = re.findall(r"(?:^\|.*\|\n)+", PAGE, re.MULTILINE)
    shown = [table.splitlines() for table in tables if table.splitlines()[0].endswith("| test |")]
    return [row.removesuffix("|").rpartition("|")[2].strip() for table in shown for row in table[2:]]


def test_each_row_names_an_existing_test_or_says_that_it_is_untested() -> None:
    assert rows()
    for cell in rows():
        named = re.findall(r"`(\w+)`", cell)
        assert named or cell == "**untested**", cell
        assert set(named) <= TESTS, cell
