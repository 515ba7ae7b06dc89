"""The sessions of docs/cancel.md, typed on a real API server with fake nodes."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from cluster.kwok import fakenodes
from cluster.provider import Cluster
from integration import transcript
from integration.sweeps import Place, a_template
from integration.transcript import Terminal

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "manifests/samples"
PAGE = (ROOT / "docs/cancel.md").read_text()
SECTIONS = transcript.sections(PAGE)

Setting = Callable[[Place], None]


def some_have_finished(place: Place) -> None:
    sweep = place.apply("wing", cases={"count": 20}, parallelism=4, template=a_template(run=1, stop=1))
    sweep.wait(lambda status: status.get("cases", {}).get("succeeded", 0) >= 4, "four have finished")


def all_run(place: Place) -> None:
    place.apply("wing", cases={"count": 4}, template=a_template(stop=1)).wait_running(4)


def some_run_and_some_wait(place: Place) -> None:
    place.apply("wing", cases={"count": 10}, parallelism=4, template=a_template(stop=1)).wait_running(4)


def many_wait_and_stopping_takes_long(place: Place) -> None:
    place.apply("wing", cases={"count": 20}, parallelism=4, template=a_template(stop=30)).wait_running(4)


def the_node_is_gone(place: Place) -> None:
    node = fakenodes.manifest(7, [])
    node["metadata"] = {"name": "node-7", "labels": {"silent": "yes"}}
    place.client.create("/api/v1/nodes", node)
    template = a_template(
        nodeSelector={"silent": "yes"}, tolerations=[{"operator": "Exists"}], terminationGracePeriodSeconds=1
    )
    place.apply("wing", cases={"count": 1}, template=template).wait_phase("ASSIGNED")


def one_has_completed(place: Place) -> None:
    place.apply("wing", template=a_template(run=1)).wait_phase("COMPLETED")


# What there is when a section begins.
SETTINGS: dict[str, Setting] = {
    "One patch": some_have_finished,
    "While it is being cancelled": many_wait_and_stopping_takes_long,
    "A job that does not stop": the_node_is_gone,
    "Some cases only": some_run_and_some_wait,
    "Suspend, cancel, delete": all_run,
    "At creation, at the end, twice": one_has_completed,
    "Wait, then cancel": all_run,
    "Under GitOps": all_run,
}


@pytest.fixture
def terminal(kwok_cluster: Cluster, place: Place, tmp_path: Path) -> Iterator[Terminal]:
    config: dict[str, Any] = yaml.safe_load(kwok_cluster.kubeconfig.read_text())
    for context in config["contexts"]:
        context["context"]["namespace"] = place.name
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(yaml.safe_dump(config))
    for sample in SAMPLES.glob("*.yaml"):
        shutil.copy(sample, tmp_path)
    yield Terminal(tmp_path, kubeconfig)
    place.client.delete("/api/v1/nodes/node-7")


@pytest.mark.parametrize("heading", SECTIONS)
def test_a_session_prints_what_the_page_says(place: Place, terminal: Terminal, heading: str) -> None:
    SETTINGS[heading](place)
    for step in SECTIONS[heading]:
        printed = terminal.run(step.command).replace(place.name, "default")
        assert transcript.shape(printed) == transcript.shape(step.output), f"$ {step.command}\n{printed}"


def test_every_setting_is_of_a_section() -> None:
    assert SETTINGS.keys() == SECTIONS.keys()
