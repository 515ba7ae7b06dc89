"""What the tests of Helm hold against the cluster: a running sweep, two releases of the operator, the CRD in effect."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml
from cluster.provider import Cluster
from integration.conftest import make_place
from integration.support.client import Client, Object
from integration.support.installation import ACCOUNT, MANIFESTS, SYSTEM
from integration.support.operator_process import QUICK_LEASE, OperatorProcess
from integration.support.sweeps import Place, a_template
from simjob.api import names

CRDS = MANIFESTS.parent / "crds"
IN_SYSTEM = f"--namespace={SYSTEM}"
WAIT = ("--wait", "--timeout=90s")
_DEFINITION = f"{names.PLURAL}.{names.GROUP}"
_DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


class RunningSweep:
    """A sweep whose pods must outlive everything that Helm does."""

    def __init__(self, place: Place) -> None:
        self.sweep = place.apply("running", template=a_template(stop=1))
        self.sweep.wait_running(3)
        self._pods = self._uids()

    def assert_untouched(self, title: str) -> None:
        """Change the sweep, wait until the operator has seen the change, and find the same pods."""
        generation = self.sweep.patch(title=title)["metadata"]["generation"]
        self.sweep.wait(lambda status: status.get("observedGeneration") == generation, f"the operator sees it {title}")
        self.assert_same_pods()
        assert self.sweep.status["phase"] == "RUNNING", self.sweep.explain()

    def assert_same_pods(self) -> None:
        assert self._uids() == self._pods, self.sweep.explain()

    def _uids(self) -> set[str]:
        """The pods that run and that nobody has asked to stop."""
        running = (pod["metadata"] for pod in self.sweep.running_pods)
        return {metadata["uid"] for metadata in running if "deletionTimestamp" not in metadata}


@contextmanager
def an_operator(cluster: Cluster, name: str, source: Path = MANIFESTS.parent) -> Iterator[OperatorProcess]:
    """Make an operator from the sources in a folder. At the end, nothing was its fault."""
    kubeconfig = cluster.state.folder / f"{SYSTEM}.kubeconfig"
    process = OperatorProcess(name, kubeconfig, cluster.state.logs / f"helm-{name}.log", **QUICK_LEASE)
    process.source = source / "operator"
    process.log.write_text("")
    try:
        yield process
        assert not process.defects()
    finally:
        process.kill()


@contextmanager
def a_place(client: Client, name: str, *operators: OperatorProcess) -> Iterator[Place]:
    """Make a namespace. At the end, everything that happened in it was lawful."""
    place = make_place(client, name, lambda: "\n".join(f"{each.name}:\n{each.tail()}" for each in operators))
    try:
        yield place
        assert not place.violations()
    finally:
        place.leave()


def remove(cluster: Cluster) -> None:
    """Remove the installation, whoever installed it, with the CRD and all SimulationJobs."""
    cluster.run_kubectl("delete", "--ignore-not-found", "--timeout=120s", "-k", str(MANIFESTS))


def schema_in_effect(client: Client) -> Object:
    """Read the schema of the CRD that is on the cluster."""
    return schema(client.get(f"{_DEFINITIONS}/{_DEFINITION}"))


def schema_of(folder: Path) -> Object:
    """Read the schema of the CRD in a folder `crds`."""
    return schema(yaml.load((folder / f"{_DEFINITION}.yaml").read_text(), yaml.CSafeLoader))


def schema(definition: Object) -> Object:
    (version,) = definition["spec"]["versions"]
    found: Object = version["schema"]["openAPIV3Schema"]
    return found


def image_in_effect(client: Client) -> str:
    deployment = client.get(f"/apis/apps/v1/namespaces/{SYSTEM}/deployments/{ACCOUNT}")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    return str(container["image"])
