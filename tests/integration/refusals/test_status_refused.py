"""A cancel stops the pods even if the API server refuses to store its latch; the status follows."""

import pytest
from integration.support import client as paths
from integration.support.client import Object
from integration.support.sweeps import Place
from integration.worlds.policies import Rule, refusing

pytestmark = pytest.mark.integration

FROZEN = Rule(
    group="simjob.dev",
    resource="simulationjobs/status",
    operation="UPDATE",
    expression="object.status.?message.orValue('') == oldObject.status.?message.orValue('')",
    message="statuses are frozen for an audit",
)


def test_a_cancel_stops_pods_after_three_refused_status_writes(place: Place) -> None:
    sweep = place.apply(cases={"count": 3}, parallelism=2)
    sweep.wait_running(2)
    sweep.wait(lambda status: status.get("cases", {}).get("running") == 2, "the status before the freeze")
    path = f"{paths.simulationjobs(place.name, sweep.name)}/status?dryRun=All"
    other = {"status": {"message": "another message"}}
    with refusing(place.client, place.name, FROZEN, forbidden=lambda: place.client.patch(path, other)):
        sweep.cancel()
        sweep.wait_until(lambda: not sweep.live_pods, "its pods have stopped")
        assert sweep.status["phase"] == "RUNNING"
        assert "cancellation" not in sweep.status
        sweep.wait_until(lambda: bool(warnings(place)), "an Event says why the status is out of date")
        assert len(sweep.job_names) == 2, "no other case was started"
    [warning] = warnings(place)
    assert "statuses are frozen for an audit" in warning["note"]
    status = sweep.wait_phase("CANCELLED")
    assert status["cancelledIndexes"] == "0-2"


def warnings(place: Place) -> list[Object]:
    """Return the Events that say that the status is refused."""
    return [event for event in place.client.items(paths.events(place.name)) if event["reason"] == "StatusRefused"]
