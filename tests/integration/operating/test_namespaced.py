"""The operator with Roles in two namespaces and no permission beyond."""

from collections.abc import Iterator

import pytest
from cluster.provider import Cluster
from integration.conftest import make_place
from integration.support.audit import Audit, describe
from integration.support.client import Client
from integration.support.installation import MANIFESTS, install
from integration.support.operator_process import OperatorProcess
from integration.support.sweeps import Place, a_template

pytestmark = pytest.mark.integration

SYSTEM = "simjob-namespaced"
SERVED = ("team-a", "team-b")


@pytest.fixture(scope="module")
def places(client: Client) -> dict[str, Place]:
    return {name: make_place(client, name, lambda: "") for name in (*SERVED, "team-c")}


@pytest.fixture(scope="module")
def namespaced_operator(kwok_cluster: Cluster, client: Client, places: dict[str, Place]) -> Iterator[OperatorProcess]:
    kubeconfig = install(kwok_cluster, client, MANIFESTS / "overlays" / "namespaced", SYSTEM)
    settings = {"SIMJOB_NAMESPACES": ",".join(SERVED), "SIMJOB_LEASE_NAMESPACE": SYSTEM}
    process = OperatorProcess("namespaced", kubeconfig, kwok_cluster.state.logs / "namespaced.log", **settings)
    process.log.write_text("")
    process.start()
    yield process
    assert process.stop() == 0
    for place in places.values():
        place.leave()
        client.delete(f"/api/v1/namespaces/{place.name}")


def test_a_namespaced_operator_serves_only_its_namespaces(
    places: dict[str, Place], namespaced_operator: OperatorProcess, audit: Audit
) -> None:
    sweeps = {name: place.apply(template=a_template(run=1)) for name, place in places.items()}
    running = places["team-b"].apply("long")
    for name in SERVED:
        assert sweeps[name].wait_phase("COMPLETED")["cases"]["succeeded"] == 3
        events = f"/apis/events.k8s.io/v1/namespaces/{name}/events"
        sweeps[name].wait_until(lambda: bool(places[name].client.items(events)), "there are Events")  # noqa: B023
    running.wait_running(3)
    running.cancel()
    running.wait_phase("CANCELLED")
    running.delete()
    running.wait_cleared()
    other = sweeps["team-c"]
    assert "startTime" not in other.status
    assert not other.job_names
    account = f"system:serviceaccount:{SYSTEM}:simjob-operator"
    asked = [record for record in audit.records() if record["user"]["username"] == account]
    beyond = [
        describe(record)
        for record in asked
        if record.get("objectRef", {}).get("namespace", SYSTEM) not in (*SERVED, SYSTEM)
        or record["annotations"]["authorization.k8s.io/decision"] != "allow"
    ]
    assert asked
    assert not beyond
    assert not namespaced_operator.defects()
    for name in SERVED:
        assert not places[name].violations()
