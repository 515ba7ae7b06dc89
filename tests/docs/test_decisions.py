import re
from pathlib import Path

import pytest
from generated import ROOT

FOLDER = ROOT / "docs/decisions"
INDEX = FOLDER / "README.md"
FILES = sorted(path for path in FOLDER.glob("*.md") if path != INDEX)
ROW = re.compile(r"^\| \[(\d{4})\]\((\S+)\) \| (\d{4}-\d\d-\d\d) \| (.+?) \| .+ \|$", re.MULTILINE)


def test_the_index_lists_each_decision_with_date_and_title() -> None:
    rows = ROW.findall(INDEX.read_text())
    assert rows == [(path.name[:4], path.name, _date(path), _title(path)) for path in FILES]


def test_each_decision_has_a_unique_number() -> None:
    numbers = [int(path.name[:4]) for path in FILES]
    # Not that they follow each other: a number that a change holds stays unused if the change is dropped.
    assert sorted(set(numbers)) == numbers


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_decision_has_context_decision_and_consequences(path: Path) -> None:
    sections = re.findall(r"^## (.*)$", path.read_text(), re.MULTILINE)
    assert sections in (["Context", "Decision", "Consequences"], ["Context", "Decision", "Consequences", "Rejected"])


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_decision_is_accepted_or_superseded(path: Path) -> None:
    assert re.search(r"^\d{4}-\d\d-\d\d\. (Accepted\.|Superseded by \[\d{4}\])", path.read_text(), re.MULTILINE)


def _title(path: Path) -> str:
    return path.read_text().splitlines()[0].removeprefix("# ")


def _date(path: Path) -> str:
    return path.read_text().splitlines()[2][:10]
