import re
from pathlib import Path

import pytest
import yaml
from simjob.api import simulationjob
from simjob.api.names import ErrorCode, Reason
from simjob.api.status import Phase

README = (Path(__file__).parents[2] / "README.md").read_text()


def words_of(holder: type) -> list[str]:
    return [word for name, word in vars(holder).items() if not name.startswith("_")]


def test_the_example_is_a_simulationjob() -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    job = simulationjob.parse(yaml.safe_load(example))
    assert isinstance(job, simulationjob.SimulationJob), job.message
    assert len(job.selection) == 6


@pytest.mark.parametrize("word", [*Phase, *words_of(Reason), *words_of(ErrorCode)])
def test_every_phase_reason_and_code_is_explained(word: str) -> None:
    assert re.search(rf"\b{word}\b", README)
