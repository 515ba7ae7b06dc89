"""A pod whose deletion the API server refuses is named, and delays only CANCELLED."""

from contextlib import AbstractContextManager

import pytest
from integration.support import client as paths
from integration.support.client import Object
from integration.support.sweeps import Place, Sweep
from integration.worlds.policies import Rule, refusing

pytestmark = pytest.mark.integration

UNDER_INVESTIGATION = Rule(
    resource="pods",
    operation="DELETE",
    # KWOK plays the kubelet, whose word is the last.
    expression="oldObject.metadata.labels[?'simjob.dev/index'] != optional.of('0')"
    " || request.userInfo.username == 'kwok'",
    message="case 0 is under investigation",
)


def kept(place: Place, sweep: Sweep) -> AbstractContextManager[None]:
    """Keep everybody from deleting the pods of case 0."""
    path = paths.pods(place.name, pod_of(sweep, 0)["metadata"]["name"])
    return refusing(
        place.client, place.name, UNDER_INVESTIGATION, forbidden=lambda: place.client.delete(path, dryRun=["All"])
    )


def pod_of(sweep: Sweep, index: int) -> Object:
    return next(pod for pod in sweep.pods if pod["metadata"]["labels"]["simjob.dev/index"] == str(index))


def test_a_pod_that_cannot_be_deleted_is_named_and_delays_only_cancelled(place: Place) -> None:
    sweep = place.apply(cases={"count": 4}, parallelism=4)
    sweep.wait_running(4)
    pod = pod_of(sweep, 0)
    with kept(place, sweep):
        sweep.cancel()
        # It is named as soon as its deletion is refused; the others may still be stopping then.
        status = sweep.wait(
            lambda status: status.get("reason") == "PodsNotStopping" and status["cancellation"]["stopping"] == 1,
            "it is named, and the others have stopped",
        )
        assert f"does not accept the deletion of {pod['metadata']['name']} on node" in status["message"]
        assert (status["phase"], status["cancelledIndexes"], status["cancellation"]["stopping"]) == (
            "CANCELLING",
            "1-3",
            1,
        )
        sweep.wait_until(lambda: len(sweep.jobs) == 1, "the Jobs of the others have gone")
        assert "deletionTimestamp" not in pod_of(sweep, 0)["metadata"]
    assert sweep.wait_phase("CANCELLED")["cancelledIndexes"] == "0-3"
    sweep.wait_cleared()
