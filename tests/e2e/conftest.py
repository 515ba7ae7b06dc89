"""A cluster with the operator as users install it, for each test process; and a namespace for each test."""

import hashlib
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cluster import deploy, provider
from cluster.kubectl import Kubectl
from cluster.life.state import State, write_atomically
from cluster.options import Nodes, Options
from cluster.provider import Cluster
from cluster.report import Report
from e2e.support.deployment import Operator
from e2e.support.namespace import Namespace
from integration.support.audit import Audit
from integration.support.client import Client

WORKER = os.environ.get("PYTEST_XDIST_WORKER")
STATE = Path(".cluster-e2e" + (f"-{WORKER}" if WORKER else ""))
KEEP = bool(os.environ.get("KEEP"))
POLICY = Path(__file__).parents[1] / "integration/support/audit-policy.yaml"


@pytest.fixture(scope="session")
def real_cluster() -> Iterator[Cluster]:
    """A cluster with a real node, for this run; where tests run side by side, one for each process.

    The fake one beside it takes no pods of these tests. Without it the loss of the real one would be the loss of all
    nodes, and then Kubernetes takes itself for blind and evicts nobody.
    """
    state = State.at(STATE)
    state.create()
    # There before the API server is, so that Cluster.audit need not restart it.
    write_atomically(state.folder / "audit-policy.yaml", POLICY.read_text())
    cluster = provider.up(Options(state=STATE, nodes=Nodes.BOTH, kwok_nodes=1), Report(quiet=True))
    yield cluster
    if not KEEP:
        cluster.down()


@pytest.fixture(scope="session")
def audit(real_cluster: Cluster) -> Iterator[Audit]:
    """The API server's record of all that the operator asks of it; at the end, nothing of it was unlawful."""
    found = Audit(real_cluster.audit(POLICY.read_text()))
    yield found
    assert any(record["verb"] == "list" for record in found.records()), "the log is there"
    assert found.forbidden() == [], "requests that no Role allows"
    assert found.unsafe_deletions() == [], "deletions without a uid"


@pytest.fixture(scope="session")
def operator(real_cluster: Cluster, audit: Audit) -> Operator:
    """The operator, installed from the manifests with the image that the sources make."""
    deploy.deploy(real_cluster, Report(quiet=True))
    found = Operator(real_cluster, deploy.kubectl_of(real_cluster))
    found.leader()
    return found


@pytest.fixture(scope="session")
def kubectl(operator: Operator) -> Kubectl:
    """kubectl as administrator, of a cluster with the operator."""
    return operator.kubectl


@pytest.fixture(scope="session")
def api(real_cluster: Cluster) -> Iterator[Client]:
    """The API server, without kubectl between."""
    found = Client(real_cluster)
    yield found
    found.close()


@pytest.fixture
def namespace(request: pytest.FixtureRequest, operator: Operator, kubectl: Kubectl, api: Client) -> Iterator[Namespace]:
    """A namespace of the test's own; at the end, what happened in it is held against what may never happen."""
    found = Namespace.create(_name(request.node.name), kubectl, api, operator)
    started = datetime.now(UTC)
    yield found
    try:
        assert found.violations() == []
        assert operator.errors(started) == []
    finally:
        found.close()


def _name(test: str) -> str:
    """Return the name of a test's namespace: two rows of a table may have the same first fifty characters."""
    words = re.sub(r"[^a-z0-9]+", "-", test.removeprefix("test_").lower())
    return f"{f'e2e-{words}'[:50].strip('-')}-{hashlib.sha256(test.encode()).hexdigest()[:6]}"
