"""Everything in manifests/ is applied without a warning of the API server."""

from pathlib import Path

import pytest
from cluster.provider import Cluster
from integration.support.installation import MANIFESTS

pytestmark = pytest.mark.integration

FOLDERS = (".", "base/admission", "components/attribution")


@pytest.mark.parametrize("folder", FOLDERS)
def test_manifests_are_applied_without_a_warning(kwok_cluster: Cluster, operator_kubeconfig: Path, folder: str) -> None:
    """The operator's namespace is there, else a trial run would find none to put things into."""
    assert operator_kubeconfig.exists()
    options = ("--server-side", "--force-conflicts", "--dry-run=server", "--warnings-as-errors")
    answer = kwok_cluster.run_kubectl("apply", *options, "-k", str(MANIFESTS / folder))
    assert all(line.endswith("serverside-applied (server dry run)") for line in answer.splitlines())
    assert len(answer.splitlines()) >= 4
