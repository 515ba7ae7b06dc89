"""Fixtures for all tests: the cluster of the stage."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import quarantine
from cluster import provider, versions
from cluster.options import Nodes, Options
from cluster.provider import Cluster
from fields.shown import SHOWN, Shown
from hypothesis import settings

KEEP = bool(os.environ.get("KEEP"))

# How long an example takes is the machine's affair.
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")


def pytest_configure(config: pytest.Config) -> None:
    """Note which tests show a field while they are collected anyway: docs/fields.md is made of that."""
    config.stash[SHOWN] = Shown()
    config.pluginmanager.register(config.stash[SHOWN])


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the tests in quarantine fail, for as long as they may."""
    quarantine.apply(items, quarantine.QUARANTINE, datetime.now(UTC).date())


@pytest.fixture(scope="session")
def kwok_cluster() -> Iterator[Cluster]:
    """A control plane with fake nodes, for this run; where tests run side by side, one for each process."""
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    state = Path(".cluster-integration" + (f"-{worker}" if worker else ""))
    kubernetes = versions.from_environment(os.environ)
    cluster = provider.up(Options(state=state, nodes=Nodes.KWOK, kwok_nodes=10, kubernetes=kubernetes))
    yield cluster
    if not KEEP:
        cluster.down()


@pytest.fixture(scope="session")
def kubeconfig(kwok_cluster: Cluster) -> Path:
    """The administrator's kubeconfig of the control plane with fake nodes."""
    return kwok_cluster.kubeconfig
