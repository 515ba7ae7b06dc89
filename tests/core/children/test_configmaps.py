import msgspec
import pytest
from given.builders import a_job
from simjob.core.children import configmaps

JOB = a_job()


@pytest.mark.parametrize("immutable", [True, False])
def test_a_configmap_is_owned_and_labelled_by_its_simulationjob(immutable: bool) -> None:
    body = msgspec.json.decode(configmaps.render(JOB, "sweep-x-0", "x", "x.jsonl", "text", immutable=immutable))
    assert (body["metadata"]["name"], body["metadata"]["namespace"]) == ("sweep-x-0", "default")
    assert body["data"] == {"x.jsonl": "text"}
    assert body.get("immutable", False) is immutable
    (owner,) = body["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["uid"], owner["controller"]) == ("SimulationJob", JOB.metadata.uid, True)
    labels = body["metadata"]["labels"]
    assert labels["simjob.dev/uid"] == JOB.metadata.uid
    assert labels["app.kubernetes.io/component"] == "x"
