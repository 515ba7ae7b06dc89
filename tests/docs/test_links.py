"""Files, headings and fields that the documents link to or name exist."""

import re
from functools import cache
from pathlib import Path

import pytest
from apidocs.sections import fields
from generated import ROOT
from simjob.api.crd import generate

PAGES = sorted([*ROOT.glob("*.md"), ROOT / "operator/README.md", *(ROOT / "docs").rglob("*.md")])
LINKS = [
    pytest.param(page, link, id=f"{page.relative_to(ROOT)}:{link}")
    for page in PAGES
    for link in dict.fromkeys(re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`]*`", "", page.read_text())))
    if not link.startswith("https://")
]
FIELDS = set(fields({"properties": {name: generate.job_schema()["properties"][name] for name in ("spec", "status")}}))


@cache
def anchors(page: Path) -> list[str]:
    """Give the names by which GitHub links to the page's headings."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]


@pytest.mark.parametrize(("page", "link"), LINKS)
def test_a_link_leads_to_an_existing_file_and_heading(page: Path, link: str) -> None:
    name, _, anchor = link.partition("#")
    target = (page.parent / name).resolve() if name else page
    assert target.exists()
    assert not anchor or anchors(target).count(anchor) == 1


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_field_that_is_named_exists(page: Path) -> None:
    named = re.findall(r"`((?:spec|status)(?:\.\w+(?:\[\]|\{\})?)+)", page.read_text())
    others = {"spec.managedBy", "spec.suspend", "spec.active"}  # of a case's Job and of its Workload
    unknown = {bare(name) for name in named} - {bare(path) for path in FIELDS} - others
    assert unknown == set()


def bare(path: str) -> str:
    return re.sub(r"\[\]|\{\}", "", path)
