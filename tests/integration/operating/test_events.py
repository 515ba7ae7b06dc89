"""What users see of a sweep: Events, and `kubectl describe`, `get` and `wait`."""

import pytest
from cluster.provider import Cluster
from integration.support import client as paths
from integration.support.sweeps import Place, Sweep, a_template

pytestmark = pytest.mark.integration


def told(sweep: Sweep) -> list[tuple[str, str]]:
    """Give the Events about a sweep, oldest first: type and reason."""
    found = [item for item in sweep.client.items(paths.events(sweep.place.name)) if _is_about(item, sweep)]
    assert all(item["reportingController"] == "simjob.dev/operator" for item in found)
    return [(item["type"], item["reason"]) for item in sorted(found, key=lambda item: str(item["eventTime"]))]


def _is_about(item: dict[str, dict[str, str]], sweep: Sweep) -> bool:
    return item.get("regarding", {}).get("uid") == sweep.uid


def wait_told(sweep: Sweep, *expected: tuple[str, str]) -> None:
    sweep.wait_until(lambda: set(expected) <= set(told(sweep)), f"the Events {expected}; there are {told(sweep)}")


def test_events_of_a_sweep_that_succeeds(place: Place, kwok_cluster: Cluster) -> None:
    sweep = place.apply()
    sweep.wait_phase("RUNNING")
    sweep.end_all("COMPLETED")
    wait_told(sweep, ("Normal", "AllCasesSucceeded"))
    found = told(sweep)
    assert found[0] == ("Normal", "Accepted")
    assert ("Normal", "CasesRunning") in found
    assert not [reason for kind, reason in found if kind == "Warning"]
    described = kwok_cluster.run_kubectl("--namespace", place.name, "describe", "simjob", sweep.name)
    events = described.split("Events:")[1]
    assert "all 3 cases succeeded" in events
    assert "Accepted" in events


def test_events_of_a_sweep_that_fails(place: Place) -> None:
    sweep = place.apply(cases={"count": 1}, template=a_template(run=1, exit_code=9))
    sweep.wait_phase("FAILED")
    wait_told(sweep, ("Warning", "CasesFailed"))
    notes = [item["note"] for item in place.client.items(paths.events(place.name)) if item["type"] == "Warning"]
    assert any("exit code 9" in note for note in notes)


def test_events_of_a_sweep_that_waits_and_is_cancelled(place: Place) -> None:
    sweep = place.apply(template=a_template(nodeSelector={"there-is": "none"}))
    wait_told(sweep, ("Warning", "Unschedulable"))
    sweep.cancel()
    sweep.wait_phase("CANCELLED")
    wait_told(sweep, ("Normal", "CancelRequested"), ("Normal", "Cancelled"))
    assert told(sweep)[-1] == ("Normal", "Cancelled")


def test_a_lost_job_emits_an_event(place: Place) -> None:
    sweep = place.apply()
    sweep.wait_running(3)
    place.client.delete(paths.jobs(place.name, sweep.jobs[0]["metadata"]["name"]), "Background")
    wait_told(sweep, ("Warning", "JobLost"))


def test_kubectl_get_and_wait_follow_a_sweep_to_its_end(place: Place, kwok_cluster: Cluster) -> None:
    place.apply(template=a_template(run=1))
    kubectl = ("--namespace", place.name)
    kwok_cluster.run_kubectl(*kubectl, "wait", "simjob/sweep", "--for=condition=Finished", "--timeout=40s")
    header, row = kwok_cluster.run_kubectl(*kubectl, "get", "sj", "sweep").splitlines()
    assert header.split() == ["NAME", "PHASE", "PROGRESS", "SUCCEEDED", "FAILED", "CANCELLED", "AGE"]
    assert row.split()[:6] == ["sweep", "COMPLETED", "3/3", "3", "0", "0"]
    by_phase = kwok_cluster.run_kubectl(*kubectl, "get", "sj", "--field-selector=status.phase=COMPLETED", "-o", "name")
    assert by_phase.strip() == "simulationjob.simjob.dev/sweep"
