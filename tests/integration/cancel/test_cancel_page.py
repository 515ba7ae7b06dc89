"""The sessions of docs/cancel.md, typed on a real API server with fake nodes."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from cluster.errors import ClusterError
from cluster.kwok import fakenodes
from cluster.provider import Cluster
from integration.support import transcript
from integration.support.operator_process import OperatorProcess
from integration.support.sweeps import Place, Sweep, a_template, eventually
from integration.support.transcript import Terminal

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[3]
SAMPLES = ROOT / "manifests/samples"
PAGE = (ROOT / "docs/cancel.md").read_text()
SECTIONS = transcript.sections(PAGE)
# The template of the page's new job refers to PARAM_MESH and PARAM_RE.
TWENTY = [
    {"name": "mesh", "values": ["coarse", "medium", "fine", "finer"]},
    {"name": "re", "values": [1e5, 2e5, 5e5, 1e6, 2e6]},
]


@dataclass(frozen=True, slots=True)
class Scene:
    """Where a section plays; what it has made outside its namespace goes when it is over."""

    place: Place
    cluster: Cluster
    operator: OperatorProcess
    over: ExitStack

    def wing(self, **spec: Any) -> Sweep:
        return self.place.apply("wing", **spec)

    def restart_operator(self, **settings: str) -> None:
        self.operator.stop()
        self.operator.configure(**settings)
        self.operator.start()

    def kubectl(self, *arguments: str) -> str:
        return self.cluster.run_kubectl(f"--namespace={self.place.name}", *arguments)


def some_have_finished(scene: Scene) -> Sweep:
    sweep = scene.wing(cases={"matrix": TWENTY}, parallelism=4, template=a_template(run=1, stop=1))
    sweep.wait(lambda status: status.get("cases", {}).get("succeeded", 0) >= 4, "four have finished")
    return sweep


def all_run(scene: Scene) -> None:
    scene.wing(cases={"count": 4}, template=a_template(stop=1)).wait_running(4)


def some_run_and_some_wait(scene: Scene) -> None:
    scene.wing(cases={"count": 10}, parallelism=4, template=a_template(stop=1)).wait_running(4)


def many_wait_and_stopping_takes_long(scene: Scene) -> None:
    scene.wing(cases={"count": 20}, parallelism=4, template=a_template(stop=30)).wait_running(4)


def one_has_completed(scene: Scene) -> None:
    scene.wing(template=a_template(run=1)).wait_phase("COMPLETED")


def some_have_finished_and_the_rest_is_cancelled(scene: Scene) -> None:
    sweep = some_have_finished(scene)
    sweep.cancel()
    sweep.wait_phase("CANCELLED")


def the_node_is_gone(scene: Scene) -> None:
    node = fakenodes.manifest(7, [])
    node["metadata"] = {"name": "node-7", "labels": {"silent": "yes"}}
    scene.place.client.create("/api/v1/nodes", node)
    scene.over.callback(scene.place.client.delete, "/api/v1/nodes/node-7")
    template = a_template(
        nodeSelector={"silent": "yes"}, tolerations=[{"operator": "Exists"}], terminationGracePeriodSeconds=1
    )
    scene.wing(cases={"count": 1}, template=template).wait_phase("ASSIGNED")


def carl_may_cancel_and_pat_may_not(scene: Scene) -> None:
    scene.kubectl("create", "rolebinding", "carl", "--clusterrole=simjob-canceller", "--user=carl")
    scene.kubectl("create", "role", "patcher", "--verb=get,patch,update", "--resource=simulationjobs.simjob.dev")
    scene.kubectl("create", "rolebinding", "pat", "--role=patcher", "--user=pat")
    folder = str(ROOT / "manifests/components/attribution")
    scene.kubectl("apply", "-k", folder)
    scene.over.callback(scene.kubectl, "delete", "-k", folder)
    scene.restart_operator(SIMJOB_ATTRIBUTION="true")
    scene.over.callback(scene.restart_operator, SIMJOB_ATTRIBUTION="false")
    all_run(scene)
    cancel = ("patch", "simjob", "wing", "--type=merge", "-p", '{"spec":{"cancel":true}}', "--dry-run=server")

    def is_in_effect() -> bool:
        # Its policies are in effect one after the other; between them everybody's cancel is refused.
        try:
            noted = "simjob.dev/cancel-requested-by" in scene.kubectl(*cancel, "-o", "yaml")
        except ClusterError:
            return False
        try:
            scene.kubectl(*cancel, "--as=pat")
        except ClusterError:
            return noted
        return False

    eventually(is_in_effect, lambda: "the component should be in effect")


# What there is when a section begins.
SETTINGS: dict[str, Callable[[Scene], object]] = {
    "One patch": some_have_finished,
    "While it is being cancelled": many_wait_and_stopping_takes_long,
    "A job that does not stop": the_node_is_gone,
    "Some cases only": some_run_and_some_wait,
    "Suspend, cancel, delete": all_run,
    "At creation, at the end, twice": one_has_completed,
    "Who may": carl_may_cancel_and_pat_may_not,
    "Wait, then cancel": all_run,
    "Run it again": some_have_finished_and_the_rest_is_cancelled,
    "Under GitOps": all_run,
}


@pytest.fixture
def terminal(kwok_cluster: Cluster, place: Place, tmp_path: Path) -> Terminal:
    config: dict[str, Any] = yaml.safe_load(kwok_cluster.kubeconfig.read_text())
    for context in config["contexts"]:
        context["context"]["namespace"] = place.name
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(yaml.safe_dump(config))
    for sample in SAMPLES.glob("*.yaml"):
        shutil.copy(sample, tmp_path)
    for name, text in transcript.files(PAGE).items():
        (tmp_path / name).write_text(text)
    return Terminal(tmp_path, kubeconfig)


@pytest.fixture
def scene(kwok_cluster: Cluster, place: Place, operator: OperatorProcess) -> Iterator[Scene]:
    with ExitStack() as over:
        yield Scene(place, kwok_cluster, operator, over)


@pytest.mark.parametrize("heading", SECTIONS)
def test_a_session_prints_what_the_page_says(scene: Scene, terminal: Terminal, heading: str) -> None:
    SETTINGS[heading](scene)
    for step in SECTIONS[heading]:
        printed = terminal.run(step.command).replace(scene.place.name, "default")
        assert transcript.shape(printed) == transcript.shape(step.output), f"$ {step.command}\n{printed}"


def test_every_setting_is_of_a_section() -> None:
    assert SETTINGS.keys() == SECTIONS.keys()
