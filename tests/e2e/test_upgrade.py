"""The deployed operator is replaced by the previous release, and that by this one, while sweeps run."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster import deploy
from cluster.images import imagebuild
from cluster.provider import Cluster
from cluster.report import Report
from e2e.support.deployment import Operator
from e2e.support.namespace import Namespace
from e2e.support.sweep import FOREVER
from integration.support import previous
from integration.support.audit import Audit

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

PREVIOUS = "simjob.local/operator:previous"
TODAY = imagebuild.OPERATOR_TAG
OVERLAY = """\
resources: [../manifests]
images:
  - {name: simjob.local/operator, newTag: previous}
"""


@pytest.fixture(scope="module")
def earlier(tmp_path_factory: pytest.TempPathFactory, real_cluster: Cluster) -> Path:
    """Everything that the previous release installs, with its image, which is on the node."""
    source = previous.extract(tmp_path_factory.mktemp("previous"))
    archive = deploy.ROOT / "build" / "previous.tar"
    real_cluster.load_image(imagebuild.build(source, source / "Dockerfile", PREVIOUS, archive))
    folder = source / "overlay"
    folder.mkdir()
    (folder / "kustomization.yaml").write_text(OVERLAY)
    return folder


@pytest.fixture
def restored(real_cluster: Cluster, operator: Operator) -> Iterator[None]:
    """Whatever happens in the test, the operator of today is there for the next one."""
    yield
    if images(operator) != {TODAY}:
        deploy.deploy(real_cluster, Report(quiet=True))
        operator.leader()


class Running:
    """A sweep whose two pods run until they are cancelled."""

    def __init__(self, namespace: Namespace, name: str) -> None:
        self.sweep = namespace.sweep(FOREVER, name=name, cases={"count": 4}, parallelism=2)
        self.pods = {seen.uid for seen in self.sweep.wait_running(2)}

    def assert_undisturbed(self, by: str) -> None:
        """Change the sweep; the operator has seen that, and has left its pods alone."""
        self.sweep.patch(title=f"seen {by}")
        self.sweep.wait(self._is_seen, f"the sweep is seen {by}")
        assert {seen.uid for seen in self.sweep.pods()} == self.pods
        assert self.sweep.status["phase"] == "RUNNING"

    def cancel(self) -> None:
        """Cancel it, and wait until all of its cases are cancelled."""
        self.sweep.cancel()
        assert self.sweep.wait_phase("CANCELLED")["cases"]["cancelled"] == 4

    def _is_seen(self) -> bool:
        found = self.sweep.get()
        return bool(found["status"]["observedGeneration"] == found["metadata"]["generation"])


def images(operator: Operator) -> set[str]:
    return {pod["spec"]["containers"][0]["image"] for pod in operator.pods()}


def replace(operator: Operator, folder: Path, image: str) -> None:
    """Apply the manifests of a release as its users do, and wait until all replicas are of it."""
    operator.kubectl.run("apply", "-k", str(folder))
    operator.wait_available()
    assert images(operator) == {image}


@pytest.mark.usefixtures("restored")
def test_a_rollback_and_an_upgrade_of_the_deployed_operator_disturb_no_case(
    namespace: Namespace, operator: Operator, audit: Audit, earlier: Path
) -> None:
    short = namespace.sweep("sleep 5", name="short", cases={"count": 40}, parallelism=2)
    kept, ended = Running(namespace, "kept"), Running(namespace, "cancelled-by-the-previous")

    # Before the pods are replaced, the Roles of the previous release allow less than this operator asks for.
    start = audit.position()
    replace(operator, earlier, PREVIOUS)
    audit.overlook(start)
    for running in (kept, ended):
        running.assert_undisturbed("by the previous release")
    ended.cancel()
    made = Running(namespace, "made-by-the-previous")

    replace(operator, deploy.ROOT / "manifests", TODAY)
    for running in (kept, made):
        running.assert_undisturbed("by this release")
        running.cancel()
    short.patch(parallelism=8)
    assert short.wait_phase("COMPLETED", 180)["succeededIndexes"] == "0-39"
    namespace.settle()
    assert len({seen.uid for seen in namespace.pods.history if short.owns(seen)}) == 40, "each case ran once"
