"""The parts of SimulationJobs that the pages show, as the models and the API server take them."""

import json
import re
from typing import Any

import pytest
import yaml
from cluster.kubectl import wait_established
from cluster.provider import Cluster
from docsite.blocks import fenced
from generated import ROOT
from given.builders import a_whole_job
from simjob.api import names
from simjob.api.names import ErrorCode, Reason
from simjob.api.simulationjob import SimulationJob
from simjob.api.status import Phase

# docs/cancel.md and docs/gitops.md are in test_cancel.py, docs/api.md in test_api.py.
PAGES = [
    ROOT / "README.md",
    *(ROOT / f"docs/{name}.md" for name in ("getting-started", "cases", "tables", "pods", "retries", "gpus", "queues")),
]
EXAMPLES: dict[str, dict[str, Any]] = {
    f"{page.name}:{number}": yaml.safe_load(block)
    for page in PAGES
    for number, block in enumerate(fenced(page.read_text(), "yaml"))
}


def words_of(holder: type) -> list[str]:
    return [word for name, word in vars(holder).items() if not name.startswith("_")]


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_valid(name: str) -> None:
    SimulationJob.model_validate(a_whole_job(EXAMPLES[name]["spec"]))


def test_the_first_sweep_of_the_tutorial_is_complete() -> None:
    job = SimulationJob.model_validate(EXAMPLES["getting-started.md:0"])
    assert job.spec.cases is not None
    assert job.spec.cases.total == 6


@pytest.mark.integration
def test_the_api_server_accepts_every_example(kwok_cluster: Cluster) -> None:
    kubectl = kwok_cluster.run_kubectl
    kubectl("apply", "-k", str(ROOT / "crds"))
    wait_established(kubectl, names.PLURAL, names.GROUP)
    for example in EXAMPLES.values():
        job = json.dumps(a_whole_job(example["spec"], name="example"))
        answer = kubectl("create", "--dry-run=server", "--warnings-as-errors", "-f", "-", stdin=job)
        assert answer.strip() == "simulationjob.simjob.dev/example created (server dry run)"


@pytest.mark.parametrize("word", [*Phase, *words_of(Reason), *words_of(ErrorCode)])
def test_every_phase_reason_and_code_is_explained(word: str) -> None:
    assert re.search(rf"\b{word}\b", (ROOT / "docs/troubleshooting.md").read_text())
