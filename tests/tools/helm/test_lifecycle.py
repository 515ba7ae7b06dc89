"""Install, upgrade, roll back and uninstall by Helm while a sweep runs: its pods are not touched."""

import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from chart import templates
from cluster.errors import ClusterError
from cluster.kubectl import wait_established
from cluster.provider import Cluster
from integration.conftest import make_namespace
from integration.support import needs, previous
from integration.support.client import Client
from integration.support.installation import SYSTEM, credentials
from simjob.api import names
from tools.helm import worlds
from tools.helm.program import CHART, RELEASE, Helm, HelmError
from tools.helm.worlds import CRDS, IN_SYSTEM, WAIT, RunningSweep, a_place, an_operator

pytestmark = pytest.mark.tools

TODAY = "--set=image.tag=dev"
BEFORE = "--set=image.tag=before"


@pytest.fixture(scope="module")
def earlier(client: Client, tmp_path_factory: pytest.TempPathFactory) -> Path:
    needs.previous_crd(client)
    return previous.extract(tmp_path_factory.mktemp("previous"))


@pytest.fixture
def earlier_chart(earlier: Path, tmp_path: Path) -> Path:
    """The chart with the CRD of the previous release, which had no chart."""
    folder = tmp_path / "chart"
    shutil.copytree(CHART, folder)
    crd = (earlier / "crds/simulationjobs.simjob.dev.yaml").read_text()
    (folder / "templates/crd.yaml").write_text(templates.crd(crd))
    return folder


@pytest.fixture(autouse=True)
def removed(kwok_cluster: Cluster) -> Iterator[None]:
    """Whatever a test installs is removed."""
    yield
    worlds.remove(kwok_cluster)


def test_upgrade_rollback_and_uninstall_touch_no_pod(
    helm: Helm, kwok_cluster: Cluster, client: Client, earlier: Path, earlier_chart: Path
) -> None:
    helm.run("install", RELEASE, str(earlier_chart), IN_SYSTEM, "--create-namespace", BEFORE, *WAIT)
    credentials(kwok_cluster, client)
    with (
        an_operator(kwok_cluster, "previous", earlier) as old,
        an_operator(kwok_cluster, "today") as new,
        a_place(client, "helm-lifecycle", old, new) as place,
    ):
        old.start()
        running = RunningSweep(place)
        assert worlds.schema_in_effect(client) == worlds.schema_of(earlier / "crds")

        helm.run("upgrade", RELEASE, str(CHART), IN_SYSTEM, TODAY, *WAIT)
        assert worlds.schema_in_effect(client) == worlds.schema_of(CRDS)
        assert worlds.image_in_effect(client) == "simjob.local/operator:dev"
        running.assert_untouched("under the CRD of today")
        new.start()
        old.kill()
        running.assert_untouched("under the operator of today")

        helm.run("rollback", RELEASE, "1", IN_SYSTEM, *WAIT)
        assert worlds.schema_in_effect(client) == worlds.schema_of(earlier / "crds")
        assert worlds.image_in_effect(client) == "simjob.local/operator:before"
        running.assert_untouched("under the CRD of before")
        old.start()
        new.kill()
        running.assert_untouched("under the operator of before")

        old.stop()
        helm.run("uninstall", RELEASE, IN_SYSTEM, *WAIT)
        assert client.find(f"/apis/apps/v1/namespaces/{SYSTEM}/deployments/simjob-operator") is None
        assert client.items("/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies") == []
        running.assert_same_pods()

        helm.run("install", RELEASE, str(CHART), IN_SYSTEM, TODAY, *WAIT)
        assert worlds.schema_in_effect(client) == worlds.schema_of(CRDS)
        credentials(kwok_cluster, client)
        new.start()
        running.assert_untouched("after a second installation")
        running.sweep.cancel()
        assert running.sweep.wait_phase("CANCELLED")["cases"]["cancelled"] == 3


def test_helm_takes_over_what_kubectl_has_installed(
    helm: Helm, kwok_cluster: Cluster, client: Client, earlier: Path
) -> None:
    kwok_cluster.run_kubectl("apply", "-k", str(earlier / "manifests"))
    wait_established(kwok_cluster.run_kubectl, names.PLURAL, names.GROUP)
    credentials(kwok_cluster, client)
    with (
        an_operator(kwok_cluster, "previous", earlier) as old,
        an_operator(kwok_cluster, "today") as new,
        a_place(client, "helm-takes-over", old, new) as place,
    ):
        old.start()
        running = RunningSweep(place)
        command = ("upgrade", "--install", RELEASE, str(CHART), IN_SYSTEM, TODAY, *WAIT)
        with pytest.raises(HelmError, match="exists and cannot be imported into the current release"):
            helm.run(*command)
        assert worlds.schema_in_effect(client) == worlds.schema_of(earlier / "crds")

        helm.run(*command, "--take-ownership", "--force-conflicts")
        assert worlds.schema_in_effect(client) == worlds.schema_of(CRDS)
        running.assert_untouched("under the CRD of today")
        new.start()
        old.kill()
        running.assert_untouched("under the operator of today")
        running.sweep.cancel()
        assert running.sweep.wait_phase("CANCELLED")["cases"]["cancelled"] == 3


def test_a_release_that_gives_up_the_crd_leaves_it(helm: Helm, client: Client) -> None:
    helm.run("install", RELEASE, str(CHART), IN_SYSTEM, "--create-namespace", *WAIT)
    helm.run("upgrade", RELEASE, str(CHART), IN_SYSTEM, "--set=crds.install=false", *WAIT)
    assert worlds.schema_in_effect(client) == worlds.schema_of(CRDS)
    assert "customresourcedefinition" not in helm.run("get", "manifest", RELEASE, IN_SYSTEM).lower()


def test_the_chart_serves_two_namespaces_without_a_cluster_role(
    helm: Helm, kwok_cluster: Cluster, client: Client
) -> None:
    served = [f"helm-{name}-{secrets.token_hex(4)}" for name in ("a", "b")]
    for name in served:
        make_namespace(client, name)
    given = f"--set=namespaces={{{','.join(served)}}}"
    helm.run("install", RELEASE, str(CHART), IN_SYSTEM, "--create-namespace", given, *WAIT)
    assert [may_create_pods(kwok_cluster, name) for name in (*served, "default")] == [True, True, False]
    helm.run("upgrade", RELEASE, str(CHART), IN_SYSTEM, "--reset-values", *WAIT)
    assert [may_create_pods(kwok_cluster, name) for name in (*served, "default")] == [True, True, True]
    for name in served:
        roles = client.items(f"/apis/rbac.authorization.k8s.io/v1/namespaces/{name}/roles")
        assert roles == [], "an upgrade removes what it no longer needs"


def test_a_second_release_serves_other_namespaces(helm: Helm, kwok_cluster: Cluster, client: Client) -> None:
    first, second, system = (f"helm-{name}-{secrets.token_hex(4)}" for name in ("a", "b", "system"))
    for name in (first, second):
        make_namespace(client, name)
    helm.run("install", RELEASE, str(CHART), IN_SYSTEM, "--create-namespace", f"--set=namespaces={{{first}}}", *WAIT)
    other = f"--set=namespaces={{{second}}},userRoles=false,admission=false,crds.install=false"
    helm.run("install", "other", str(CHART), f"--namespace={system}", "--create-namespace", other, *WAIT)
    assert [may_create_pods(kwok_cluster, name) for name in (first, second)] == [True, False]
    assert [may_create_pods(kwok_cluster, name, system) for name in (first, second)] == [False, True]
    helm.run("uninstall", "other", f"--namespace={system}", *WAIT)
    assert may_create_pods(kwok_cluster, first)
    assert not may_create_pods(kwok_cluster, second, system)
    assert worlds.schema_in_effect(client) == worlds.schema_of(CRDS)
    client.delete(f"/api/v1/namespaces/{system}")


def may_create_pods(cluster: Cluster, namespace: str, system: str = SYSTEM) -> bool:
    """Ask whether the operator may create pods there. kubectl ends with 1 if not."""
    account = f"--as=system:serviceaccount:{system}:simjob-operator"
    try:
        return cluster.run_kubectl("auth", "can-i", "create", "pods", account, f"-n={namespace}").strip() == "yes"
    except ClusterError:
        return False
