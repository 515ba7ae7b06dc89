"""What tests need of the API server that not every supported version of Kubernetes has."""

from typing import Final

import pytest
from integration.support.client import Client

# The first version that serves MutatingAdmissionPolicy in v1, which needs no flag of the API server.
MUTATING_POLICIES: Final = (1, 36)


def mutating_policies(client: Client) -> None:
    """Skip the test on a version without MutatingAdmissionPolicy. On a later one it fails if they are missing."""
    if served(client) < MUTATING_POLICIES:
        pytest.skip("needs Kubernetes {}.{}".format(*MUTATING_POLICIES))


def served(client: Client) -> tuple[int, int]:
    """Return the major and minor version of the API server."""
    found = client.get("/version")
    return int(found["major"]), int(found["minor"])
