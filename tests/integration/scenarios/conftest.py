"""A session in a namespace of its own; its transcript is kept in build/transcripts."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster.provider import Cluster
from integration.scenarios.session import Session
from integration.support.sweeps import Place


@pytest.fixture
def session(request: pytest.FixtureRequest, tmp_path: Path, kwok_cluster: Cluster, place: Place) -> Iterator[Session]:
    """kubectl in the test's namespace. The transcript is named as the test's module."""
    found = Session(tmp_path, kwok_cluster.kubeconfig, place.name)
    yield found
    found.save(request.path.stem.removeprefix("test_"))
