"""docs/api.md against the CRD, and its examples against the models."""

import re
from collections.abc import Iterator
from typing import Any

import generated
import pytest
import yaml
from apidocs import examples, status
from apidocs.examples import EXAMPLES
from apidocs.sections import Section, leaves, sections
from given.builders import a_whole_job
from given.fulltemplate import FULL_TEMPLATE
from simjob.api import conditions
from simjob.api.crd import generate
from simjob.api.simulationjob import SimulationJob

PAGE = (generated.ROOT / "docs/api.md").read_text()
SCHEMA = generate.job_schema()

Fields = dict[str, set[str]]


def documented() -> Fields:
    """Read the page: the fields in the table under each heading, and under the others that it says have the same."""
    found: Fields = {}
    for section in re.split(r"^##+ ", PAGE, flags=re.MULTILINE)[1:]:
        heading = section.partition("\n")[0]
        same = re.search(r"^The same fields are in (.*)\.$", section, re.MULTILINE)
        fields = set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE))
        for path in (heading, *(re.findall(r"`([^`]+)`", same[1]) if same else ())):
            found[path] = fields
    return found


def used(example: Any, path: str = "") -> Iterator[str]:
    """Give the fields that an example has, and the items of its lists, as paths of the schema."""
    match example:
        case dict():
            for name, part in example.items():
                yield f"{path}.{name}".removeprefix(".")
                yield from used(part, f"{path}.{name}".removeprefix("."))
        case list():
            yield f"{path}[]"
            for part in example:
                yield from used(part, f"{path}[]")


def in_examples() -> set[str]:
    parsed = [spec for path in EXAMPLES for spec in examples.specs(path)]
    return {path for example in (*parsed, {"template": FULL_TEMPLATE}) for path in used(example)}


def unseen(section: Section, seen: set[str]) -> set[str]:
    """Give the fields of an object that no example has, wherever the object stands."""
    places = [path.removeprefix("spec").removeprefix(".") for path in (section.path, *section.others)]
    return {
        name for name in section.node["properties"] if not {f"{at}.{name}".removeprefix(".") for at in places} & seen
    }


def test_every_field_of_the_crd_has_a_line() -> None:
    fields = documented()
    paths = [*leaves({"properties": {name: SCHEMA["properties"][name] for name in ("spec", "status")}})]
    lost = [
        path
        for path in paths
        if path.rstrip("[]{}").rpartition(".")[2] not in fields[path.rstrip("[]{}").rpartition(".")[0]]
    ]
    assert not lost
    assert len(paths) > 200


def test_every_field_of_the_spec_is_in_an_example() -> None:
    seen = in_examples()
    own = {
        path: section for path, section in sections(SCHEMA).items() if section.path == path and path.startswith("spec")
    }
    missing = {path: lost for path, section in own.items() if (lost := unseen(section, seen))}
    assert missing == {}, missing


@pytest.mark.parametrize("path", EXAMPLES)
def test_an_example_is_valid_and_shows_the_field_above_it(path: str) -> None:
    for spec in examples.specs(path):
        SimulationJob.model_validate(a_whole_job(spec))
    shown = {f"spec.{found}" for spec in examples.specs(path) for found in used(spec)}
    assert path in {"spec", *shown}


def test_a_table_cell_with_a_bar_stays_one_cell() -> None:
    for line in PAGE.splitlines():
        if line.startswith("| `"):
            assert len(re.findall(r"(?<!\\)\|", line)) in (4, 5, 6), line


def test_every_condition_is_explained() -> None:
    types = {value for name, value in vars(conditions).items() if name.isupper() and value in status.MEANINGS}
    assert types == {"Finished", "Succeeded", "Cancelled", "Suspended", "Reconciling", "Stalled"}
    assert types == set(status.MEANINGS)
    assert f"condition {conditions.QUEUED}" in status.conditions_table()


def test_the_example_of_a_status_has_every_outcome() -> None:
    cases = yaml.safe_load(status.example())["status"]["cases"]
    assert all(cases[outcome] for outcome in ("succeeded", "failed", "cancelled"))
