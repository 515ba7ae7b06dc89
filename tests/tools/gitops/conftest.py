"""The operator on the control plane with fake nodes, and the GitOps tools that deploy SimulationJobs there."""

from collections.abc import Iterator

import pytest
import yaml
from cluster.errors import ClusterError
from cluster.provider import Cluster
from given.argocd import CONFIG_MAP
from integration.conftest import lawful_place
from integration.gitops.gitops import Tools
from integration.support import latecancel
from integration.support.client import Client
from integration.support.installation import MANIFESTS, install
from integration.support.operator_process import QUICK_LEASE, OperatorProcess
from integration.support.sweeps import Place, eventually
from tools.gitops.argocd.application import Application
from tools.gitops.argocd.argocd import ArgoCD
from tools.gitops.flux.flux import Deployment, Flux
from tools.gitops.repository import GitServer

SUBMITTED = "simjob.dev/submitted-by"
PROBE = {
    "apiVersion": "simjob.dev/v1beta1",
    "kind": "SimulationJob",
    "metadata": {"name": "probe", "namespace": "default"},
    "spec": {
        "cases": {"count": 1},
        "template": {"spec": {"containers": [{"name": "simulation", "image": "none"}]}},
    },
}


@pytest.fixture(scope="session")
def operator_of_session(kwok_cluster: Cluster, client: Client) -> Iterator[OperatorProcess]:
    kubeconfig = install(kwok_cluster, client, MANIFESTS)
    latecancel.wait(kwok_cluster, client, latecancel.Answer.REFUSED)
    process = OperatorProcess("main", kubeconfig, kwok_cluster.state.logs / "operator.log", **QUICK_LEASE)
    process.log.write_text("")
    yield process
    assert process.stop() in (0, None), process.tail()


@pytest.fixture
def operator(operator_of_session: OperatorProcess) -> Iterator[OperatorProcess]:
    """The operator, running."""
    if not operator_of_session.is_running:
        operator_of_session.start()
    known = len(operator_of_session.defects())
    yield operator_of_session
    assert not operator_of_session.defects()[known:]


@pytest.fixture
def place(client: Client, operator: OperatorProcess) -> Iterator[Place]:
    """A namespace; at the end everything that happened in it was lawful."""
    with lawful_place(client, operator.tail) as found:
        yield found


@pytest.fixture
def tools(kwok_cluster: Cluster, place: Place) -> Tools:
    """A person at the terminal."""
    return Tools(kwok_cluster, place)


@pytest.fixture(scope="session")
def git(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitServer]:
    server = GitServer(tmp_path_factory.mktemp("repositories"))
    yield server
    server.close()


@pytest.fixture(scope="session")
def flux(kwok_cluster: Cluster, client: Client, operator_of_session: OperatorProcess) -> Iterator[Flux]:
    found = Flux(kwok_cluster, client)
    found.install()
    found.start()
    yield found
    found.stop()


@pytest.fixture
def deployment(flux: Flux, git: GitServer, place: Place) -> Iterator[Deployment]:
    """A repository that Flux deploys into the test's namespace."""
    found = Deployment(flux, place, git.repository(place.name))
    yield found
    found.leave()


@pytest.fixture(scope="session")
def argo(kwok_cluster: Cluster, client: Client, operator_of_session: OperatorProcess) -> Iterator[ArgoCD]:
    found = ArgoCD(kwok_cluster, client)
    found.install()
    found.start()
    yield found
    found.stop()


@pytest.fixture
def application(argo: ArgoCD, git: GitServer, place: Place) -> Iterator[Application]:
    """A repository that Argo CD deploys into the test's namespace."""
    found = Application(argo, place, git.repository(place.name))
    yield found
    found.leave()


@pytest.fixture
def without_the_check(argo: ArgoCD) -> Iterator[None]:
    """Take the health check out of Argo CD's configuration."""
    argo.configure('-p={"data":{"resource.customizations.health.simjob.dev_SimulationJob":null}}')
    yield
    argo.configure(f"--patch-file={CONFIG_MAP}")


@pytest.fixture
def attribution(kwok_cluster: Cluster, operator: OperatorProcess) -> Iterator[None]:
    """Hold the component attribution on the cluster."""
    folder = str(MANIFESTS / "components/attribution")

    def answer() -> str:
        try:
            made = kwok_cluster.run_kubectl("create", "-f-", "--dry-run=server", "-oyaml", stdin=yaml.dump(PROBE))
        except ClusterError:
            # Its policies come into effect, and leave it, one after the other.
            return "refused"
        return "noted" if SUBMITTED in made else "as without it"

    operator.stop()
    operator.configure(SIMJOB_ATTRIBUTION="true")
    kwok_cluster.run_kubectl("apply", "-k", folder)
    try:
        operator.start()
        eventually(lambda: answer() == "noted", lambda: "attribution is not in effect", seconds=120)
        yield
    finally:
        kwok_cluster.run_kubectl("delete", "--ignore-not-found", "-k", folder)
        eventually(lambda: answer() == "as without it", lambda: "attribution is still in effect", seconds=120)
        operator.stop()
        operator.configure(SIMJOB_ATTRIBUTION="false")
        operator.start()


@pytest.fixture
def late_cancels_are_accepted(kwok_cluster: Cluster, client: Client) -> Iterator[None]:
    """Hold the component gitops on the cluster."""
    with latecancel.answering(kwok_cluster, client, latecancel.Answer.WARNED):
        yield
