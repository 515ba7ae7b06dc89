"""Every command of the pages in docs/recipes, side by side on a real node, prints what its page says."""

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml
from cluster.provider import Cluster
from e2e.recipes import registry, standins
from e2e.recipes.store import TOKEN, Store, store
from e2e.support.namespace import Namespace
from e2e.support.sweep import Sweep
from integration.support import transcript
from integration.support.client import Object
from integration.support.transcript import Terminal

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]

EXACT = ("input-deck.md", "output-files.md", "private-image.md", "python.md", "upload.md")
# How far a simulation is when it is stopped differs from run to run, and so do the names of pods.
SHAPED = ("checkpoint.md",)
SOLVER = f"{registry.ADDRESS}/team/solver"
NO_PASSWORD = "authorization failed: no basic auth credentials"


def test_every_recipe_does_what_its_page_says(namespace: Namespace, real_cluster: Cluster, tmp_path: Path) -> None:
    image = tmp_path / "image.tar"
    standins.tools_image(image)
    real_cluster.load_image(image)
    standins.provide_volumes(namespace, tmp_path)
    terminal = transcript.terminal(
        tmp_path, real_cluster.kubeconfig, namespace.name, TOKEN=TOKEN, PASSWORD=registry.PASSWORD
    )
    host = str(real_cluster.state.facts().addresses.host)
    with store(host) as receiver, registry.registry(real_cluster, tmp_path), ThreadPoolExecutor() as pool:
        for name in (f"{SOLVER}:1.4", f"{SOLVER}:unseen"):
            standins.solver_image(image, name)
            real_cluster.load_image(image)
            registry.push(real_cluster, name)
        folder = standins.prepare(tmp_path, standins.stand_ins(receiver.address))
        refused = namespace.apply(_without_secret(folder / "private-image.yaml"))
        found = list(pool.map(lambda name: _difference(folder / name, terminal), EXACT + SHAPED))
        assert [difference for difference in found if difference] == []
        assert NO_PASSWORD in refused.wait_message("ImagePullFailed", 90)
    _judge_upload(receiver)
    _judge_checkpoints(namespace)


def _difference(page: Path, terminal: Terminal) -> str:
    """Run the commands of a page up to the first that prints something else; return that, empty if there is none."""
    for step in transcript.steps(page.read_text()):
        printed = terminal.run(step.command)
        same = transcript.shape(printed) == transcript.shape(step.output)
        if not same or (page.name in EXACT and printed.strip() != step.output.strip()):
            return f"{page.name}: $ {step.command}\n{printed}"
    return ""


def _without_secret(file: Path) -> Object:
    """Return the recipe's SimulationJob with another tag, which the node never had, and without the password."""
    sweep: Object = yaml.safe_load(file.read_text())
    sweep["metadata"]["name"] = "refused"
    pod = sweep["spec"]["template"]["spec"]
    del pod["imagePullSecrets"]
    pod["containers"][0]["image"] = f"{SOLVER}:unseen"
    return sweep


def _judge_upload(receiver: Store) -> None:
    paths = [f"/upload/{index}/drag.txt" for index in range(2)]
    assert sorted(receiver.busy) == paths, "each upload was refused once"
    assert [receiver.files[path] for path in paths] == [b"mesh coarse, drag 0.31\n", b"mesh fine, drag 0.31\n"]


def _judge_checkpoints(namespace: Namespace) -> None:
    """Judge the first sweep, of which a pod was deleted and which was cancelled, and the one that went on with it."""
    assert not Sweep(namespace, "checkpoint").status.get("failures")
    begun = namespace.run("logs", "-l", "simjob.dev/name=checkpoint-continued")
    steps = [int(step) for step in re.findall(r"begins after step (\d+)", begun)]
    assert len(steps) == 2
    assert all(0 < step < 100 for step in steps), "both cases saved their state before they stopped"
