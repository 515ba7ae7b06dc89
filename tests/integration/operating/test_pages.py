"""The terminal sessions of the pages, run on a real API server with fake nodes.

The pages are the keys of SETTINGS; test_backup.py runs those of docs/backup.md.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cluster.errors import ClusterError
from cluster.kwok import fakenodes
from cluster.provider import Cluster
from integration.support import latecancel, needs, transcript
from integration.support.latecancel import Answer
from integration.support.operator_process import OperatorProcess
from integration.support.sweeps import Place, Sweep, a_template, eventually
from integration.support.transcript import Step, Terminal

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[3]
SAMPLES = ROOT / "manifests/samples"
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
    folder: Path

    def wing(self, **spec: Any) -> Sweep:
        return self.place.apply("wing", **spec)

    def restart_operator(self, **settings: str) -> None:
        self.operator.stop()
        self.operator.configure(**settings)
        self.operator.start()

    def kubectl(self, *arguments: str) -> str:
        return self.cluster.run_kubectl(f"--namespace={self.place.name}", *arguments)


def some_have_finished(scene: Scene) -> Sweep:
    sweep = scene.wing(cases={"matrix": TWENTY}, parallelism=4, template=a_template(stop=1))
    sweep.wait_running(4)
    sweep.end_running()
    sweep.wait(lambda status: status.get("cases", {}).get("succeeded") == 4, "four have finished")
    return sweep


def all_run(scene: Scene) -> None:
    scene.wing(cases={"count": 4}, template=a_template(stop=1)).wait_running(4)


def all_run_and_stopping_takes_some_seconds(scene: Scene) -> None:
    """Let the next command of the page still find the pods that the one before has deleted."""
    scene.wing(cases={"count": 4}, template=a_template(stop=5)).wait_running(4)


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
    needs.mutating_policies(scene.place.client)
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


def one_has_completed_and_gitops_is_installed(scene: Scene) -> None:
    client = scene.place.client
    scene.over.enter_context(latecancel.answering(scene.cluster, client, Answer.WARNED))
    one_has_completed(scene)


def argo_cd_is_installed(scene: Scene) -> None:
    scene.kubectl("create", "namespace", "argocd")
    scene.over.callback(scene.kubectl, "delete", "namespace", "argocd", "--wait=false")
    scene.kubectl("create", "configmap", "argocd-cm", "--namespace=argocd")


def nothing(_: Scene) -> None:
    pass


def a_sweep_of_six(scene: Scene) -> None:
    six = [{"name": "mesh", "values": ["coarse", "medium", "fine"]}, {"name": "re", "values": [1e5, 1e6]}]
    sweep = scene.wing(cases={"matrix": six}, template=a_template(run=1))
    sweep.wait_phase("COMPLETED")
    sweep.wait_until(lambda: all("completionTime" in job.get("status", {}) for job in sweep.jobs), "the Jobs say so")


def a_table_from_excel_in_german(scene: Scene) -> None:
    (scene.folder / "cases.csv").write_text("Wall thickness [mm];re\n2,5;100000\n3,0;200000\n")


# What there is when a section begins, by page.
SETTINGS: dict[str, dict[str, Callable[[Scene], object]]] = {
    "README.md": {"First sweep": nothing},
    "docs/getting-started.md": {
        "The first sweep": nothing,
        "Watch it": a_sweep_of_six,
        "Change it while it runs": all_run,
    },
    "docs/tables.md": {"Give a table": a_table_from_excel_in_german},
    "docs/cancel.md": {
        "One patch": some_have_finished,
        "While it is being cancelled": many_wait_and_stopping_takes_long,
        "A job that does not stop": the_node_is_gone,
        "Some cases only": some_run_and_some_wait,
        "Suspend, cancel, delete": all_run_and_stopping_takes_some_seconds,
        "At creation, at the end, twice": one_has_completed,
        "Who may": carl_may_cancel_and_pat_may_not,
        "Wait, then cancel": all_run,
        "Run it again": some_have_finished_and_the_rest_is_cancelled,
    },
    "docs/gitops.md": {
        "Install the health check of Argo CD": argo_cd_is_installed,
        "Cancel by kubectl": all_run,
        "A commit that comes too late": one_has_completed_and_gitops_is_installed,
    },
}
PAGES = {name: (ROOT / name).read_text() for name in SETTINGS}
SESSIONS = [
    pytest.param(name, heading, steps, id=f"{name}: {heading}")
    for name, page in PAGES.items()
    for heading, steps in transcript.sections(page).items()
]


@pytest.fixture
def terminal(kwok_cluster: Cluster, place: Place, tmp_path: Path) -> Terminal:
    (tmp_path / "manifests").symlink_to(ROOT / "manifests")
    for sample in SAMPLES.glob("*.yaml"):
        shutil.copy(sample, tmp_path)
    return transcript.terminal(tmp_path, kwok_cluster.kubeconfig, place.name)


@pytest.fixture
def scene(kwok_cluster: Cluster, place: Place, operator: OperatorProcess, tmp_path: Path) -> Iterator[Scene]:
    with ExitStack() as over:
        yield Scene(place, kwok_cluster, operator, over, tmp_path)


@pytest.mark.parametrize(("name", "heading", "steps"), SESSIONS)
def test_commands_of_a_page_print_the_output_shown(
    scene: Scene, terminal: Terminal, name: str, heading: str, steps: list[Step]
) -> None:
    for file, text in transcript.files(PAGES[name]).items():
        (terminal.folder / file).write_text(text)
    SETTINGS[name][heading](scene)
    for step in steps:
        found = transcript.difference(terminal, step)
        assert not found, f"{found}\n{scene.place.explain()}"


@pytest.mark.parametrize("name", SETTINGS)
def test_every_setting_belongs_to_a_section(name: str) -> None:
    assert SETTINGS[name].keys() == transcript.sections(PAGES[name]).keys()
