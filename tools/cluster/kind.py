"""The other provider, for machines with Docker: a cluster made by kind.

The project's tests have a stand-in for kind; nobody has tried it with the real one.
"""

import shutil
import subprocess
from pathlib import Path

from cluster.errors import ClusterError
from cluster.life.state import Facts, State
from cluster.options import Nodes, Provider
from cluster.report import Report


def up(state: State, report: Report, kubernetes: str) -> None:
    """Create the cluster unless it exists, of this version of Kubernetes."""
    check()
    state.create()
    facts = Facts(
        block="",
        ports={},
        nodes=Nodes.REAL,
        kwok_nodes=0,
        kcm_qps=20,
        provider=Provider.KIND,
        kubernetes=kubernetes,
    )
    state.write_facts(facts)
    if name(state) not in _kind("get", "clusters").split():
        report.step("kind creates the cluster; the first time it downloads the node's image")
        image = f"kindest/node:{kubernetes}"
        try:
            _kind("create", "cluster", "--image", image, "--wait", "120s", *_names(state))
        except BaseException:
            report.step("taking back what kind has made so far")
            down(state, report)
            raise
    else:
        _kind("export", "kubeconfig", *_names(state))
    report.step(f"ready: export KUBECONFIG={state.kubeconfig}")


def check() -> None:
    """Raise ClusterError, with all that is missing in one sentence, unless kind can make a cluster here."""
    missing = [program for program in ("docker", "kind") if shutil.which(program) is None]
    if missing:
        raise _unusable(f"CLUSTER=kind needs docker and kind; not installed: {', '.join(missing)}")
    try:
        subprocess.run(["docker", "info"], capture_output=True, text=True, check=True, timeout=30)
    except subprocess.CalledProcessError as error:
        raise _unusable(f"CLUSTER=kind needs Docker's daemon, which does not answer: {error.stderr.strip()}") from None
    except subprocess.TimeoutExpired:
        raise _unusable("CLUSTER=kind needs Docker's daemon, which does not answer within 30 s") from None


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


def _unusable(problem: str) -> ClusterError:
    return ClusterError(problem, "unset CLUSTER: the default provider needs no Docker and no kind")


def _names(state: State) -> list[str]:
    return ["--name", name(state), "--kubeconfig", str(state.kubeconfig)]


def _kind(*arguments: str) -> str:
    done = subprocess.run(["kind", *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ClusterError(f"kind {' '.join(arguments)} failed:\n{done.stderr.strip()}")
    return done.stdout
