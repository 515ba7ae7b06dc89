"""A cluster that takes spec.managedBy out of Jobs, so that kube-controller-manager would run the cases as well."""

import pytest
from integration import client as paths
from integration.client import Client
from integration.sweeps import Place, a_template
from integration.worlds.answers import change
from integration.worlds.webhook import JOBS, webhook

pytestmark = pytest.mark.integration


def test_such_jobs_are_deleted_again_and_reported_and_nothing_else_stops(place: Place, client: Client) -> None:
    sweep = place.apply(cases={"count": 3}, parallelism=1, template=a_template(stop=1))
    sweep.wait_running(1)
    (running,) = sweep.running_pods
    strips = change({"op": "remove", "path": "/spec/managedBy"})
    with webhook(client, place.name, strips, rules=(JOBS,), mutating=True):
        sweep.patch(parallelism=3)
        status = sweep.wait(lambda status: status["reason"] == "JobRefused", "the refusal is reported")
        assert "spec.managedBy" in status["message"]
        assert status["phase"] == "RUNNING"
        events = client.items(paths.events(place.name))
        assert "JobRefused" in {event["reason"] for event in events if event["regarding"].get("uid") == sweep.uid}
        sweep.wait_until(lambda: all("managedBy" in job["spec"] for job in sweep.jobs), "no other Job is left")
        assert [pod["metadata"]["uid"] for pod in sweep.running_pods] == [running["metadata"]["uid"]]
    sweep.wait_running(3)
    assert running["metadata"]["uid"] in {pod["metadata"]["uid"] for pod in sweep.running_pods}
    sweep.cancel()
    assert sweep.wait_phase("CANCELLED")["cases"]["cancelled"] == 3
