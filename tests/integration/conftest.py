"""The operator on the control plane with fake nodes, and a namespace for each test."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cluster.errors import ClusterError
from cluster.provider import Cluster
from integration.support import client as paths
from integration.support import latecancel
from integration.support.audit import Audit
from integration.support.client import Client
from integration.support.installation import MANIFESTS, install
from integration.support.latecancel import Answer
from integration.support.operator_process import QUICK_LEASE, OperatorProcess
from integration.support.sweeps import Place, eventually

POLICY = Path(__file__).parent / "support/audit-policy.yaml"
# A template that the API server refuses ends its sweep after seconds; the shipped time is two minutes.
SHORT_REFUSALS = {"SIMJOB_REFUSAL_SECONDS": "5"}


@pytest.fixture(scope="session")
def audit(kwok_cluster: Cluster) -> Iterator[Audit]:
    """The API server's log of the operator's requests; at the end no Role forbade any of them."""
    log = kwok_cluster.audit(POLICY.read_text())
    wait_ready(kwok_cluster)
    found = Audit(log)
    yield found
    forbidden, unsafe = found.forbidden(), found.unsafe_deletions()
    assert not forbidden, f"{len(forbidden)} requests that no Role allows, such as {forbidden[:5]}"
    assert not unsafe, f"{len(unsafe)} deletions without a uid, such as {unsafe[:5]}"


@pytest.fixture(scope="session")
def client(kwok_cluster: Cluster, audit: Audit) -> Iterator[Client]:
    """The administrator; there is an audit log from here on."""
    found = Client(kwok_cluster)
    yield found
    found.close()


@pytest.fixture(scope="session")
def operator_kubeconfig(kwok_cluster: Cluster, client: Client) -> Path:
    """The operator's own credentials, with the permissions of `kubectl apply -k manifests`."""
    path = install(kwok_cluster, client, MANIFESTS)
    # The first test may already rely on a policy.
    latecancel.wait(kwok_cluster, client, Answer.REFUSED)
    return path


@pytest.fixture(scope="module")
def operator_of_module(kwok_cluster: Cluster, operator_kubeconfig: Path) -> Iterator[OperatorProcess]:
    log = kwok_cluster.state.logs / "operator.log"
    process = OperatorProcess("main", operator_kubeconfig, log, **SHORT_REFUSALS, **QUICK_LEASE)
    process.log.write_text("")
    yield process
    assert process.stop() in (0, None), process.tail()


@pytest.fixture
def operator(operator_of_module: OperatorProcess) -> Iterator[OperatorProcess]:
    """The operator, running; it ended neither by itself nor found itself at fault."""
    if not operator_of_module.is_running:
        operator_of_module.start()
    known = len(operator_of_module.defects())
    yield operator_of_module
    assert not operator_of_module.defects()[known:]


@pytest.fixture
def place(client: Client, operator: OperatorProcess) -> Iterator[Place]:
    """A namespace; at the end everything that happened in it was lawful."""
    with lawful_place(client, operator.tail) as found:
        yield found


@contextmanager
def lawful_place(client: Client, operator_log: Callable[[], str], **labels: str) -> Iterator[Place]:
    """Make a namespace for a test; at the end everything that happened in it was lawful."""
    found = make_place(client, f"test-{secrets.token_hex(4)}", operator_log, **labels)
    yield found
    try:
        assert not found.violations()
    finally:
        found.leave()


def make_place(client: Client, name: str, operator_log: Callable[[], str], **labels: str) -> Place:
    """Make a namespace that takes pods, and watch it."""
    make_namespace(client, name, **labels)
    return Place(client, name, operator_log)


def make_namespace(client: Client, name: str, **labels: str) -> None:
    """Make a namespace that takes pods."""
    metadata = {"name": name, "labels": labels}
    client.create("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
    account = paths.core(name, "serviceaccounts", "default")
    eventually(lambda: client.find(account) is not None, lambda: f"{name} has no default service account")


def wait_ready(cluster: Cluster) -> None:
    """Wait until the API server has all that it needs."""

    def is_ready() -> bool:
        try:
            return cluster.run_kubectl("get", "--raw", "/readyz") == "ok"
        except ClusterError:
            return False

    eventually(is_ready, lambda: "the API server is not ready", seconds=60)
