"""The operator on the control plane with fake nodes, and the real Kueue, which holds and admits its Jobs."""

from collections.abc import Iterator

import pytest
from cluster.provider import Cluster
from integration.conftest import lawful_place
from integration.support import latecancel
from integration.support.client import Client
from integration.support.installation import MANIFESTS, install
from integration.support.operator_process import QUICK_LEASE, OperatorProcess
from integration.support.sweeps import Place
from tools.kueue.kueue import Kueue
from tools.kueue.queues import Queues


@pytest.fixture(scope="session")
def installed_kueue(kwok_cluster: Cluster, client: Client) -> Kueue:
    """Kueue, not running."""
    found = Kueue(kwok_cluster, client)
    found.install()
    return found


@pytest.fixture(scope="module")
def kueue(installed_kueue: Kueue, request: pytest.FixtureRequest) -> Iterator[Kueue]:
    """Kueue, running, with the CONFIGURATION of the test's module."""
    installed_kueue.start(**getattr(request.module, "CONFIGURATION", {}))
    yield installed_kueue
    installed_kueue.stop()


@pytest.fixture(scope="module")
def operator_of_module(kwok_cluster: Cluster, client: Client) -> Iterator[OperatorProcess]:
    kubeconfig = install(kwok_cluster, client, MANIFESTS)
    latecancel.wait(kwok_cluster, client, latecancel.Answer.REFUSED)
    process = OperatorProcess("main", kubeconfig, kwok_cluster.state.logs / "kueue-operator.log", **QUICK_LEASE)
    process.log.write_text("")
    process.start()
    yield process
    assert process.stop() in (0, None), process.tail()


@pytest.fixture
def operator(operator_of_module: OperatorProcess) -> Iterator[OperatorProcess]:
    """The operator, running; it found itself not at fault."""
    known = len(operator_of_module.defects())
    yield operator_of_module
    assert not operator_of_module.defects()[known:]


@pytest.fixture
def place(client: Client, operator: OperatorProcess, kueue: Kueue) -> Iterator[Place]:
    """A namespace; at the end everything that happened in it was lawful."""
    with lawful_place(client, lambda: f"{operator.tail()}\nKueue:\n{kueue.log()}") as found:
        yield found


@pytest.fixture
def queues(place: Place) -> Iterator[Queues]:
    """The queues of the namespace, to be made by the test."""
    found = Queues(place)
    yield found
    found.leave()
