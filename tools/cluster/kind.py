"""The other provider, for machines with Docker: a cluster made by kind. The project's own tests don't try it."""

import shutil
import subprocess
from pathlib import Path

from cluster.errors import ClusterError
from cluster.host.binaries import MODULE, kubernetes_version
from cluster.life.state import Facts, State
from cluster.options import Nodes, Provider
from cluster.report import Report


def up(state: State, report: Report) -> None:
    """Create the cluster unless it exists, of the Kubernetes version that the other provider builds."""
    state.create()
    facts = Facts(block="", ports={}, nodes=Nodes.REAL, kwok_nodes=0, kcm_qps=20, provider=Provider.KIND)
    state.write_facts(facts)
    if name(state) not in _kind("get", "clusters").split():
        report.step("kind creates the cluster; the first time it downloads the node's image")
        image = f"kindest/node:{kubernetes_version(MODULE)}"
        _kind("create", "cluster", "--image", image, "--wait", "120s", *_names(state))
    else:
        _kind("export", "kubeconfig", *_names(state))
    report.step(f"ready: export KUBECONFIG={state.kubeconfig}")


def load(state: State, archive: Path) -> None:
    """Import an image archive."""
    _kind("load", "image-archive", str(archive), "--name", name(state))


def down(state: State, report: Report) -> None:
    """Delete the cluster and its folder."""
    _kind("delete", "cluster", *_names(state))
    shutil.rmtree(state.folder, ignore_errors=True)
    report.step(f"removed: kind's cluster {name(state)}, folder {state.folder}")


def name(state: State) -> str:
    return f"simjob-{state.id}"


def _names(state: State) -> list[str]:
    return ["--name", name(state), "--kubeconfig", str(state.kubeconfig)]


def _kind(*arguments: str) -> str:
    if shutil.which("kind") is None or shutil.which("docker") is None:
        raise ClusterError(
            "CLUSTER=kind needs the programs kind and docker",
            "leave CLUSTER unset: the default builds a cluster from source and needs neither",
        )
    done = subprocess.run(["kind", *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ClusterError(f"kind {' '.join(arguments)} failed:\n{done.stderr.strip()}")
    return done.stdout
