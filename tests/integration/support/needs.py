"""What tests need of the API server that not every supported version of Kubernetes has."""

from typing import Final

import pytest
from integration.support.client import Client

# The first version that serves MutatingAdmissionPolicy in v1, which needs no flag of the API server.
MUTATING_POLICIES: Final = (1, 36)
# The first version that accepts the CRD of the previous release: docs/decisions/0098.
PREVIOUS_CRD: Final = (1, 34)
# The first versions that keep these fields of a pod; earlier ones remove them, unless a feature gate is on.
RESOURCE_CLAIMS: Final = (1, 34)
IMAGE_VOLUMES: Final = (1, 35)


def mutating_policies(client: Client) -> None:
    """Skip the test on a version without MutatingAdmissionPolicy. On a later one it fails if they are missing."""
    if served(client) < MUTATING_POLICIES:
        pytest.skip("needs Kubernetes {}.{}".format(*MUTATING_POLICIES))


def previous_crd(client: Client) -> None:
    """Skip the test on a version that refuses the CRD of the previous release, because its rules cost too much."""
    if served(client) < PREVIOUS_CRD:
        pytest.skip("the previous release needs Kubernetes {}.{}".format(*PREVIOUS_CRD))


def pod_field(client: Client, since: tuple[int, int]) -> None:
    """Skip the test on a version that removes a field of pods, because its feature gate is off by default."""
    if served(client) < since:
        pytest.skip("needs Kubernetes {}.{}".format(*since))


def served(client: Client) -> tuple[int, int]:
    """Return the major and minor version of the API server."""
    found = client.get("/version")
    return int(found["major"]), int(found["minor"])
