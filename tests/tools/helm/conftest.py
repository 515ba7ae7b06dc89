"""The real Helm, and a control plane with fake nodes to install on. The operator is a process of the tests."""

from pathlib import Path

import pytest
from cluster.provider import Cluster
from cluster.report import Report
from external import programs
from tools.helm import worlds
from tools.helm.program import Helm


@pytest.fixture(scope="session")
def helm_without_cluster(tmp_path_factory: pytest.TempPathFactory) -> Helm:
    """Helm; the first run builds it."""
    folder = programs.provide(programs.TOOLS["helm"], Report())
    return Helm(folder / "helm", tmp_path_factory.mktemp("helm"))


@pytest.fixture(scope="session")
def helm(helm_without_cluster: Helm, kubeconfig: Path, kwok_cluster: Cluster) -> Helm:
    """Helm as the administrator of a cluster without the operator: tests of other tools may have installed it."""
    worlds.remove(kwok_cluster)
    return Helm(helm_without_cluster.program, helm_without_cluster.home, kubeconfig.resolve())
