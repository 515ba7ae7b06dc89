"""A cluster that drops spec.managedBy from Jobs, so that kube-controller-manager would run the cases as well."""

import secrets
from collections.abc import Iterator

import pytest
from integration.conftest import make_place
from integration.support import client as paths
from integration.support.client import Client, Object
from integration.support.operator_process import OperatorProcess
from integration.support.sweeps import Place, a_template
from integration.worlds.answers import change
from integration.worlds.webhook import JOBS, webhook

pytestmark = pytest.mark.integration


@pytest.fixture
def place(client: Client, operator: OperatorProcess) -> Iterator[Place]:
    """A namespace that is not held against the oracles: in it another controller makes pods for a moment."""
    found = make_place(client, f"test-{secrets.token_hex(4)}", operator.tail)
    yield found
    found.leave()


def are_ours(pods: list[Object]) -> bool:
    """Return whether the operator made all of these; the native controller draws the end of a name."""
    return all(pod["metadata"]["name"].endswith("-0") for pod in pods)


def test_unmanaged_jobs_are_deleted_and_reported_and_stop_nothing_else(place: Place, client: Client) -> None:
    sweep = place.apply(cases={"count": 3}, parallelism=1, template=a_template(stop=1))
    sweep.wait_running(1)
    (running,) = sweep.running_pods
    strips = change({"op": "remove", "path": "/spec/managedBy"})
    with webhook(client, place.name, strips, rules=(JOBS,), mutating=True):
        sweep.patch(parallelism=3)
        status = sweep.wait(lambda status: status.get("reason") == "JobRefused", "the refusal is reported")
        assert "spec.managedBy" in status["message"]
        assert status["phase"] == "RUNNING"

        def told() -> set[str]:
            events = client.items(paths.events(place.name))
            return {event["reason"] for event in events if event["regarding"].get("uid") == sweep.uid}

        sweep.wait_until(lambda: "JobRefused" in told(), "an Event reports it")
        assert running["metadata"]["uid"] in {pod["metadata"]["uid"] for pod in sweep.running_pods}
    # The garbage collector takes the pods that kube-controller-manager made in between.
    sweep.wait_until(
        lambda: len(sweep.running_pods) == 3 and are_ours(sweep.running_pods), "only the operator's pods run"
    )
    assert all("managedBy" in job["spec"] for job in sweep.jobs)
    assert running["metadata"]["uid"] in {pod["metadata"]["uid"] for pod in sweep.running_pods}
    sweep.cancel()
    assert sweep.wait_phase("CANCELLED")["cases"]["cancelled"] == 3
