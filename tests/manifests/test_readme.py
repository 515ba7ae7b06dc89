import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from cluster.kubectl import wait_established
from cluster.provider import Cluster
from given.builders import a_whole_job
from simjob.api import names
from simjob.api.names import ErrorCode, Reason
from simjob.api.simulationjob import SimulationJob
from simjob.api.status import Phase

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def words_of(holder: type) -> list[str]:
    return [word for name, word in vars(holder).items() if not name.startswith("_")]


EXAMPLES = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)]


def test_the_first_example_is_a_whole_simulationjob() -> None:
    job = SimulationJob.model_validate(EXAMPLES[0])
    assert job.spec.cases is not None
    assert job.spec.cases.total == 6


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: ",".join(example["spec"]))
def test_an_example_is_valid(example: dict[str, Any]) -> None:
    SimulationJob.model_validate(a_whole_job(example["spec"]))


@pytest.mark.integration
def test_the_api_server_takes_every_example(kwok_cluster: Cluster) -> None:
    kubectl = kwok_cluster.run_kubectl
    kubectl("apply", "-k", str(ROOT / "crds"))
    wait_established(kubectl, names.PLURAL, names.GROUP)
    for example in EXAMPLES:
        job = json.dumps(a_whole_job(example["spec"], name="example"))
        answer = kubectl("create", "--dry-run=server", "--warnings-as-errors", "-f", "-", stdin=job)
        assert answer.strip() == "simulationjob.simjob.dev/example created (server dry run)"


@pytest.mark.parametrize("word", [*Phase, *words_of(Reason), *words_of(ErrorCode)])
def test_every_phase_reason_and_code_is_explained(word: str) -> None:
    assert re.search(rf"\b{word}\b", README)


def section(page: str, heading: str) -> list[str]:
    return page.partition(f"\n## {heading}\n")[2].partition("\n## ")[0].splitlines()


def test_the_figures_are_those_of_the_benchmarks_and_no_goal_that_is_not_met_is_left_out() -> None:
    measured = (ROOT / "docs/benchmarks.md").read_text()
    cases = "Live: 1,000 cases; pods run until deleted, stop at once; controller manager at QPS 20"
    not_met = [line for line in section(measured, "Goals") if "NOT MET" in line]
    figures = [line for line in section(README, "How fast") if line.startswith("| ")]
    assert len(figures) > len(not_met) + 5
    known = [*section(measured, cases), *section(measured, "Goals")]
    assert [line for line in figures if line not in known] == []
    assert [line for line in not_met if line not in figures] == []
