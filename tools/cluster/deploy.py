"""Puts the operator on a cluster as a user would: image, `kubectl apply -k manifests`, wait until it is available."""

import argparse
from pathlib import Path

from cluster.errors import ClusterError
from cluster.images import imagebuild
from cluster.kubectl import Kubectl
from cluster.provider import Cluster
from cluster.report import Report

ROOT = Path(__file__).parents[2]
NAMESPACE = "simjob-system"
DEPLOYMENT = "deployment/simjob-operator"
DESCRIPTION = """\
Build the operator's image, load it into the cluster's real node, install everything in
manifests/ and wait until both replicas are available. Safe to repeat: after a change of the
sources it builds, loads and restarts."""


def kubectl_of(cluster: Cluster) -> Kubectl:
    """kubectl as the cluster's administrator."""
    return Kubectl(cluster.kubectl, cluster.kubeconfig)


def build_operator() -> Path:
    """Build the operator's image, if its sources changed; return the tar."""
    return imagebuild.build(ROOT, ROOT / "Dockerfile", imagebuild.OPERATOR_TAG, ROOT / "build" / "operator.tar")


def deploy(cluster: Cluster, report: Report, folder: str = "manifests") -> None:
    """Install the operator with the image that the sources make, and return when it is available."""
    kubectl = kubectl_of(cluster)
    archive = build_operator()
    report.step(f"load {imagebuild.OPERATOR_TAG} into the node")
    cluster.load_image(archive)
    was_there = bool(kubectl.run("get", DEPLOYMENT, "-n", NAMESPACE, "--ignore-not-found", "-o", "name"))
    report.step(f"kubectl apply -k {folder}")
    kubectl.run("apply", "-k", str(ROOT / folder))
    if was_there:
        # The tag is the same as before, so the Deployment does not change with the image.
        kubectl.run("rollout", "restart", DEPLOYMENT, "-n", NAMESPACE)
    report.step("wait until the operator is available")
    _wait(kubectl)


def _wait(kubectl: Kubectl) -> None:
    try:
        kubectl.run("rollout", "status", DEPLOYMENT, "-n", NAMESPACE, "--timeout=120s")
        kubectl.run("wait", DEPLOYMENT, "-n", NAMESPACE, "--for=condition=Available", "--timeout=30s")
    except ClusterError as error:
        pods = kubectl.run("get", "pods", "-n", NAMESPACE, "-o", "wide")
        logs = kubectl.run("logs", DEPLOYMENT, "-n", NAMESPACE, "--tail=20", "--ignore-errors")
        raise ClusterError(f"the operator did not become available: {error}\n{pods}\n{logs}") from error


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]", state: Path) -> None:
    """Add `deploy` to the commands of `python -m cluster`."""
    parser = subparsers.add_parser(
        "deploy",
        help="install the operator, made from these sources",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--state", metavar="DIR", type=Path, default=state, help="the cluster's folder (now: %(default)s)"
    )
    parser.add_argument(
        "--manifests", metavar="DIR", default="manifests", help="what is applied, below the project (%(default)s)"
    )
    parser.set_defaults(run=_main)


def _main(parsed: argparse.Namespace) -> None:
    report = Report()
    deploy(Cluster.load(parsed.state), report, parsed.manifests)
    report.step(f"deployed: kubectl -n {NAMESPACE} get pods")
