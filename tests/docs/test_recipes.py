"""The recipes are consistent: pages, their manifests, and the images that the end-to-end tests have."""

import re
import textwrap
from pathlib import Path

import pytest
import yaml
from docsite.blocks import fenced
from e2e.recipes import standins
from simjob.api import names
from simjob.api.simulationjob import SimulationJob

FOLDER = standins.RECIPES
PAGES = sorted(page for page in FOLDER.glob("*.md") if page.stem != "README")
MANIFESTS = sorted(FOLDER.glob("*.yaml"))


def applied(page: Path) -> list[str]:
    return re.findall(r"^ *\$ kubectl apply -f docs/recipes/(\S+)$", page.read_text(), re.MULTILINE)


def stem(file: Path) -> str:
    return file.stem


@pytest.mark.parametrize("page", PAGES, ids=stem)
def test_a_page_first_applies_the_manifest_of_its_name(page: Path) -> None:
    assert applied(page)[0] == f"{page.stem}.yaml"


@pytest.mark.parametrize("page", PAGES, ids=stem)
def test_the_list_of_recipes_has_the_page_under_its_title(page: Path) -> None:
    title = page.read_text().partition("\n")[0].removeprefix("# ")
    assert f"[{title}]({page.name})" in (FOLDER / "README.md").read_text()


def test_every_manifest_is_applied_by_a_page() -> None:
    assert sorted(name for page in PAGES for name in applied(page)) == [file.name for file in MANIFESTS]


@pytest.mark.parametrize("page", PAGES, ids=stem)
def test_the_manifest_contains_what_its_page_quotes(page: Path) -> None:
    lines = page.with_suffix(".yaml").read_text().splitlines()
    for block in fenced(page.read_text(), "yaml"):
        quoted = block.removesuffix("\n")
        length = len(quoted.splitlines())
        parts = (lines[start : start + length] for start in range(len(lines) - length + 1))
        assert quoted in {textwrap.dedent("\n".join(part)) for part in parts}


@pytest.mark.parametrize("file", MANIFESTS, ids=stem)
def test_a_manifest_holds_valid_objects_with_images_that_the_tests_have(file: Path) -> None:
    stand_ins = standins.stand_ins("http://127.0.0.1:1")
    for body in yaml.safe_load_all(file.read_text()):
        if body["kind"] == names.KIND:
            SimulationJob.model_validate(body)
            assert body["metadata"]["name"] == file.stem
    images = re.findall(r"image: (\S+)", file.read_text())
    assert [image for image in images if not any(image.startswith(known) for known in stand_ins)] == []
