"""What the tests of all tools use."""

from collections.abc import Iterator

import pytest
from cluster.provider import Cluster
from integration.support.client import Client


@pytest.fixture(scope="session")
def client(kwok_cluster: Cluster) -> Iterator[Client]:
    """The administrator, without a tool between."""
    found = Client(kwok_cluster)
    yield found
    found.close()
