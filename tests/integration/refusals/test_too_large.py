"""SimulationJobs that are almost as large as etcd allows, and manifests that `kubectl apply` refuses."""

import http
import json
from pathlib import Path

import pytest
from cluster.errors import ClusterError
from cluster.provider import Cluster
from integration.support import client as paths
from integration.support.client import Object
from integration.support.sweeps import Place, Sweep, a_template, eventually

pytestmark = pytest.mark.integration


def manifest(place: Place, listed: int, padding: int = 0) -> Object:
    """Describe a sweep of this many cases with long parameters; an annotation makes it longer."""
    metadata = {"name": "large", "namespace": place.name, "annotations": {"note": "x" * padding}}
    cases = {"list": [{"name": f"case-{number:04}", "parameters": {"note": "x" * 982}} for number in range(listed)]}
    spec = {"cases": cases, "template": a_template(run=1)}
    return {"apiVersion": "simjob.dev/v1beta1", "kind": "SimulationJob", "metadata": metadata, "spec": spec}


def the_largest(place: Place) -> Sweep:
    """Make a SimulationJob that leaves less than 200 bytes for a status."""
    for padding in range(33_000, 0, -200):
        code, answer = place.client.once("POST", paths.simulationjobs(place.name), manifest(place, 1500, padding))
        if code == http.HTTPStatus.CREATED:
            return Sweep(place, "large", json.loads(answer)["metadata"]["uid"])
    raise AssertionError("nothing of this size is stored")


def test_a_job_without_room_for_its_status_starts_nothing_and_names_the_remedy(place: Place) -> None:
    sweep = the_largest(place)

    def warnings() -> list[Object]:
        return [event for event in place.client.items(paths.events(place.name)) if event["type"] == "Warning"]

    eventually(lambda: bool(warnings()), sweep.explain)
    [warning] = warnings()
    assert warning["reason"] == "StatusRefused"
    assert "cases.configMap" in warning["note"]
    assert "phase" not in sweep.status
    assert not sweep.job_names


def test_a_long_manifest_needs_server_side_apply_or_create(place: Place, kwok_cluster: Cluster, tmp_path: Path) -> None:
    file = tmp_path / "large.json"
    file.write_text(json.dumps(manifest(place, 300)))
    with pytest.raises(ClusterError, match=r"annotations: Too long: may not be more than 262144 bytes"):
        kwok_cluster.run_kubectl("apply", "-f", str(file))
    kwok_cluster.run_kubectl("apply", "--server-side", "-f", str(file))
    place.client.delete(paths.simulationjobs(place.name, "large"))
    kwok_cluster.run_kubectl("create", "-f", str(file))
