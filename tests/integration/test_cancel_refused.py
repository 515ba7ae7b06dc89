"""A pod whose deletion the API server refuses is named, and holds up nothing but CANCELLED."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from integration import client as paths
from integration.client import Object, RefusedError
from integration.sweeps import Place, Sweep

pytestmark = pytest.mark.integration

GROUP = "/apis/admissionregistration.k8s.io/v1"
POLICY = {
    "matchConstraints": {
        "resourceRules": [{"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"], "operations": ["DELETE"]}]
    },
    "validations": [
        {
            # KWOK plays the kubelet, whose word is the last.
            "expression": "oldObject.metadata.labels[?'simjob.dev/index'] != optional.of('0')"
            " || request.userInfo.username == 'kwok'",
            "message": "case 0 is under investigation",
        }
    ],
}


@contextmanager
def kept(place: Place, sweep: Sweep) -> Iterator[None]:
    """Keep everybody from deleting the pods of case 0."""
    kinds = {"apiVersion": "admissionregistration.k8s.io/v1", "metadata": {"name": place.name}}
    namespace = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": place.name}}}
    binding = {"policyName": place.name, "validationActions": ["Deny"], "matchResources": namespace}
    policies, bindings = f"{GROUP}/validatingadmissionpolicies", f"{GROUP}/validatingadmissionpolicybindings"
    place.client.create(policies, {**kinds, "kind": "ValidatingAdmissionPolicy", "spec": POLICY})
    place.client.create(bindings, {**kinds, "kind": "ValidatingAdmissionPolicyBinding", "spec": binding})
    try:
        sweep.wait_until(lambda: is_kept(place, pod_of(sweep, 0)), "the policy is at work")
        yield
    finally:
        place.client.delete(f"{bindings}/{place.name}")
        place.client.delete(f"{policies}/{place.name}")


def is_kept(place: Place, pod: Object) -> bool:
    try:
        place.client.delete(paths.pods(place.name, pod["metadata"]["name"]), dryRun=["All"])
    except RefusedError:
        return True
    return False


def pod_of(sweep: Sweep, index: int) -> Object:
    return next(pod for pod in sweep.pods if pod["metadata"]["labels"]["simjob.dev/index"] == str(index))


def test_it_is_named_the_others_stop_and_their_jobs_go_and_the_cancel_ends_when_it_may(place: Place) -> None:
    sweep = place.apply(cases={"count": 4}, parallelism=4)
    sweep.wait_running(4)
    pod = pod_of(sweep, 0)
    with kept(place, sweep):
        sweep.cancel()
        status = sweep.wait(lambda status: status.get("reason") == "PodsNotStopping", "it is named")
        assert f"does not take the deletion of {pod['metadata']['name']} on node" in status["message"]
        assert (status["phase"], status["ledger"]["cancelled"], status["cancellation"]["stopping"]) == (
            "CANCELLING",
            "1-3",
            1,
        )
        sweep.wait_until(lambda: len(sweep.jobs) == 1, "the Jobs of the others have gone")
        assert "deletionTimestamp" not in pod_of(sweep, 0)["metadata"]
    assert sweep.wait_phase("CANCELLED")["ledger"]["cancelled"] == "0-3"
    sweep.wait_cleared()
