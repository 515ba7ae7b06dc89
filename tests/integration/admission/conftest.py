"""People with roles on the control plane with fake nodes."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster.provider import Cluster
from integration.admission.components import wait_for_base
from integration.admission.people import NAMESPACE, Person, invite
from integration.support import client as paths
from integration.support.client import Client


@pytest.fixture(scope="session")
def people(kwok_cluster: Cluster, client: Client, operator_kubeconfig: Path) -> Iterator[dict[str, Person]]:
    """Everybody by name. The CRD and the roles are there as `kubectl apply -k manifests` makes them."""
    assert operator_kubeconfig.exists()
    everybody = invite(kwok_cluster, client)
    wait_for_base(everybody)
    yield everybody
    client.delete(f"/api/v1/namespaces/{NAMESPACE}")


@pytest.fixture
def job(people: dict[str, Person], client: Client) -> Iterator[str]:
    """Make a SimulationJob that anna submitted; give its name."""
    people["anna"].create("job")
    yield "job"
    client.delete(paths.simulationjobs(NAMESPACE, "job"))
