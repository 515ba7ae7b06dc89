"""What a user applies is accepted: everything in manifests/, and the one file of a release."""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import yaml
from cluster.errors import ClusterError
from cluster.provider import Cluster
from integration.support import needs
from integration.support.client import Client, Object
from integration.support.installation import ACCOUNT, MANIFESTS, SYSTEM
from integration.support.sweeps import eventually
from release import install

pytestmark = pytest.mark.integration

ATTRIBUTION = "components/attribution"
KUBE_STATE_METRICS = "--as=system:serviceaccount:kube-system:kube-state-metrics"


def test_the_api_server_is_of_the_version_that_was_asked_for(kwok_cluster: Cluster, client: Client) -> None:
    assert client.get("/version")["gitVersion"] == kwok_cluster.kubernetes


@pytest.mark.parametrize("folder", [".", "base/admission"])
def test_manifests_are_applied_without_a_warning(kwok_cluster: Cluster, operator_kubeconfig: Path, folder: str) -> None:
    """The operator's namespace is there, else a trial run would find none to put things into."""
    assert operator_kubeconfig.exists()
    assert_applied(kwok_cluster, folder)


def test_attribution_is_applied_from_kubernetes_1_36_on(
    kwok_cluster: Cluster, client: Client, operator_kubeconfig: Path
) -> None:
    assert operator_kubeconfig.exists()
    if needs.served(client) >= needs.MUTATING_POLICIES:
        assert_applied(kwok_cluster, ATTRIBUTION)
    else:
        with pytest.raises(ClusterError, match='no matches for kind "MutatingAdmissionPolicy"'):
            assert_applied(kwok_cluster, ATTRIBUTION)


def test_kube_state_metrics_may_list_what_its_configuration_names(
    kwok_cluster: Cluster, operator_kubeconfig: Path
) -> None:
    def may_list(kind: str) -> bool:
        try:
            kwok_cluster.run_kubectl("get", kind, "--all-namespaces", KUBE_STATE_METRICS)
        except ClusterError:
            return False
        return True

    assert operator_kubeconfig.exists()
    folder = str(MANIFESTS / "components/monitoring")
    kwok_cluster.run_kubectl("apply", "--server-side", "--warnings-as-errors", "-k", folder)
    try:
        for kind in ("simulationjobs.simjob.dev", "customresourcedefinitions.apiextensions.k8s.io"):
            eventually(partial(may_list, kind), lambda: "it may not be listed")
        assert not may_list("pods")
    finally:
        kwok_cluster.run_kubectl("delete", "-k", folder)


def assert_applied(cluster: Cluster, folder: str) -> None:
    options = ("--server-side", "--force-conflicts", "--dry-run=server", "--warnings-as-errors")
    answer = cluster.run_kubectl("apply", *options, "-k", str(MANIFESTS / folder))
    assert all(line.endswith("serverside-applied (server dry run)") for line in answer.splitlines())
    assert len(answer.splitlines()) >= 4


@pytest.fixture
def release_file(kwok_cluster: Cluster, tmp_path: Path) -> Iterator[Path]:
    """The install.yaml of a release. Its Deployment is removed at the end: the tests run the operator themselves."""
    file = tmp_path / "install.yaml"
    file.write_text(install.render(MANIFESTS.parent, "registry.example.com/simjob-operator", "9.9.9"))
    yield file
    ours = [f"{kind}/{ACCOUNT}" for kind in ("deployment", "networkpolicy", "poddisruptionbudget")]
    kwok_cluster.run_kubectl("delete", f"--namespace={SYSTEM}", "--ignore-not-found", *ours)


def test_the_file_of_a_release_installs_everything_and_changes_nothing_the_second_time(
    kwok_cluster: Cluster, release_file: Path
) -> None:
    command = ("apply", "--server-side", "--warnings-as-errors", "-f", str(release_file))
    kwok_cluster.run_kubectl(*command)
    kwok_cluster.run_kubectl("rollout", "status", f"deployment/{ACCOUNT}", f"--namespace={SYSTEM}", "--timeout=60s")
    installed = stored(kwok_cluster, release_file)
    assert [name(item) for item in installed] == [name(item) for item in yaml.safe_load_all(release_file.read_text())]
    kwok_cluster.run_kubectl(*command)
    assert stored(kwok_cluster, release_file) == installed


def stored(cluster: Cluster, file: Path) -> list[Object]:
    """Read each object of a file, without what controllers write; an error if one is missing."""
    found: list[Object] = json.loads(cluster.run_kubectl("get", "-f", str(file), "-o", "json"))["items"]
    for item in found:
        if item.pop("status", None) is not None:
            del item["metadata"]["resourceVersion"]
    return found


def name(item: Object) -> tuple[str, str]:
    return item["kind"], item["metadata"]["name"]
