"""The settings that docs/cancel.md and docs/gitops.md offer to copy.

tests/integration/operating/test_pages.py runs the sessions of these pages.
"""

from typing import Any

import pytest
import yaml
from docsite.blocks import fenced
from generated import ROOT
from given.builders import a_whole_job
from simjob.api import names
from simjob.api.simulationjob import SimulationJob
from simjob.api.spec import Spec

SNIPPETS = [
    snippet for page in ("docs/cancel.md", "docs/gitops.md") for snippet in fenced((ROOT / page).read_text(), "yaml")
]


def of_kind(kind: str) -> list[dict[str, Any]]:
    parsed = [yaml.safe_load(snippet) for snippet in SNIPPETS]
    return [found for found in parsed if found.get("kind", names.KIND) == kind]


@pytest.mark.parametrize("snippet", of_kind(names.KIND))
def test_a_part_of_a_simulationjob_is_valid(snippet: dict[str, Any]) -> None:
    SimulationJob.model_validate(a_whole_job(snippet.get("spec", {})))


def test_argo_cd_settings_name_existing_fields() -> None:
    (application,) = of_kind("Application")
    (ignored,) = application["spec"]["ignoreDifferences"]
    assert (ignored["group"], ignored["kind"]) == (names.GROUP, names.KIND)
    aliases = {field.alias for field in Spec.model_fields.values()}
    assert {pointer.removeprefix("/spec/") for pointer in ignored["jsonPointers"]} <= aliases
