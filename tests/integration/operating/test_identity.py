"""Children are identified by name and controller: copies do not count, and a lost label loses nothing."""

import secrets
import time
from collections.abc import Iterator

import pytest
from cluster.provider import Cluster
from integration.conftest import make_place
from integration.support import client as paths
from integration.support.client import Client, Object
from integration.support.operator_process import OperatorProcess
from integration.support.sweeps import Place, Sweep, a_template, eventually

pytestmark = pytest.mark.integration
LABEL = "simjob.dev/uid"


@pytest.fixture
def shared(client: Client, operator: OperatorProcess) -> Iterator[Place]:
    """A namespace in which people make pods with the operator's labels, which the oracles of others would count."""
    found = make_place(client, f"test-{secrets.token_hex(4)}", operator.tail)
    yield found
    found.leave()


def only_pod(sweep: Sweep) -> str:
    (name,) = [str(pod["metadata"]["name"]) for pod in sweep.running_pods]
    return name


def debugged(cluster: Cluster, place: Place, pod: str, **notes: str) -> str:
    """Copy a pod as a person does who debugs it; return the copy's name."""
    copy = f"{pod}-debug"
    cluster.run_kubectl(
        "debug",
        pod,
        f"--namespace={place.name}",
        f"--copy-to={copy}",
        "--keep-labels",
        "--set-image=*=none",
        "--attach=false",
    )
    annotations = {f"kwok.simjob.dev/{key}": value for key, value in notes.items()}
    place.client.patch(paths.pods(place.name, copy), {"metadata": {"annotations": annotations}})
    return copy


def phase(place: Place, pod: str) -> str | None:
    found = place.client.find(paths.pods(place.name, pod))
    return found["status"].get("phase") if found else None


def test_a_debug_copy_that_succeeds_does_not_make_its_failed_case_succeed(kwok_cluster: Cluster, shared: Place) -> None:
    sweep = shared.apply(cases={"count": 1}, template=a_template(exit_code=3))
    sweep.wait_running(1)
    sweep.wait_phase("RUNNING")
    copy = debugged(kwok_cluster, shared, only_pod(sweep), **{"run-seconds": "1", "exit-code": "0"})
    labels = shared.client.get(paths.pods(shared.name, copy))["metadata"]["labels"]
    assert labels[LABEL] == sweep.uid, "the copy has the labels of a case's pod"
    eventually(lambda: phase(shared, copy) == "Succeeded", lambda: f"{copy} does not end; {sweep.explain()}")
    assert sweep.status["phase"] == "RUNNING"
    status = sweep.end_all("FAILED")
    (failure,) = status["failures"]
    assert failure["exitCode"] == 3
    assert phase(shared, copy) == "Succeeded", "it is not the operator's to delete"


def test_a_debug_copy_that_runs_on_does_not_hold_up_a_cancel(kwok_cluster: Cluster, shared: Place) -> None:
    sweep = shared.apply(cases={"count": 1}, template=a_template(run=600, stop=1))
    sweep.wait_running(1)
    copy = debugged(kwok_cluster, shared, only_pod(sweep))
    sweep.wait_until(lambda: phase(shared, copy) == "Running", f"{copy} runs")
    sweep.cancel()
    status = sweep.wait_phase("CANCELLED")
    assert status["cancelledIndexes"] == "0"
    assert phase(shared, copy) == "Running"


def test_copied_jobs_and_handmade_pods_are_ignored(shared: Place) -> None:
    sweep = shared.apply(cases={"count": 1}, template=a_template(exit_code=3))
    sweep.wait_running(1)
    (job,) = sweep.jobs
    (pod,) = sweep.pods
    copy = bare(job)
    copy["metadata"]["name"] = "copied-job"
    copy["spec"] = {"managedBy": "simjob.dev/operator", "template": bare_template(job)}
    shared.client.create(paths.jobs(shared.name), copy)
    by_hand = bare(pod)
    by_hand["metadata"]["name"] = "by-hand"
    by_hand["spec"] = {"containers": [{"name": "simulation", "image": "none"}]}
    by_hand["metadata"]["annotations"] |= {"kwok.simjob.dev/run-seconds": "1", "kwok.simjob.dev/exit-code": "0"}
    shared.client.create(paths.pods(shared.name), by_hand)
    eventually(lambda: phase(shared, "by-hand") == "Succeeded", lambda: f"by-hand does not end; {sweep.explain()}")
    status = sweep.end_all("FAILED")
    assert status.get("restarts", 0) == 0
    assert [failure["exitCode"] for failure in status["failures"]] == [3]
    assert shared.client.find(paths.jobs(shared.name, "copied-job")), "it is not the operator's to delete"


def bare(item: Object) -> Object:
    """Give what a person keeps of an object to make another of it: kind, labels, annotations and owner."""
    kept = ("labels", "annotations", "ownerReferences")
    metadata = {key: item["metadata"][key] for key in kept if key in item["metadata"]}
    kind = ("batch/v1", "Job") if "template" in item["spec"] else ("v1", "Pod")
    return {"apiVersion": kind[0], "kind": kind[1], "metadata": metadata}


def bare_template(job: Object) -> Object:
    template = job["spec"]["template"]
    labels = {key: value for key, value in template["metadata"]["labels"].items() if key.startswith("simjob.dev/")}
    return {"metadata": {"labels": labels}, "spec": template["spec"]}


@pytest.mark.parametrize("value", [None, "overwritten"])
@pytest.mark.parametrize("plural", ["pods", "jobs"])
def test_a_case_that_loses_its_label_keeps_running_and_gets_it_back(
    place: Place, plural: str, value: str | None
) -> None:
    sweep = place.apply(cases={"count": 1})
    sweep.wait_running(1)
    pod = only_pod(sweep)
    path = paths.pods(place.name, pod) if plural == "pods" else paths.jobs(place.name, pod.removesuffix("-0"))
    place.client.patch(path, {"metadata": {"labels": {LABEL: value}}})
    if value is None:
        sweep.wait_until(lambda: labels(place, path).get(LABEL) == sweep.uid, "the label is given back")
    else:
        # Nothing shows that the operator has read it. A case that it took for lost would run again by then.
        time.sleep(4)
    place.client.patch(paths.pods(place.name, pod), {"metadata": {"annotations": {"kwok.simjob.dev/run-seconds": "0"}}})
    status = sweep.wait_phase("COMPLETED")
    assert (status.get("restarts", 0), sweep.pod_names, len(sweep.job_names)) == (0, [pod], 1)


def labels(place: Place, path: str) -> Object:
    found: Object = place.client.get(path)["metadata"].get("labels", {})
    return found


def test_cancelled_is_not_written_while_an_unlabelled_pod_runs(place: Place) -> None:
    sweep = place.apply(cases={"count": 1}, template=a_template(run=600, stop=6))
    sweep.wait_running(1)
    pod = only_pod(sweep)
    place.client.patch(paths.pods(place.name, pod), {"metadata": {"labels": {LABEL: None}}})
    sweep.cancel()
    sweep.wait(lambda status: status.get("phase") == "CANCELLED", "CANCELLED")
    found = place.client.find(paths.pods(place.name, pod))
    assert found is None or found["status"]["phase"] in ("Succeeded", "Failed")
