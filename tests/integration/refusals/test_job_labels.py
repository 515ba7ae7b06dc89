"""The template's labels and annotations are on the Jobs, too, for policies and queues that look there."""

from collections.abc import Iterator

import pytest
from integration.support import client as paths
from integration.support.client import Object
from integration.support.sweeps import Place, a_template
from integration.worlds.policies import Rule, refusing

pytestmark = pytest.mark.integration

LABELLED = Rule(
    group="batch",
    resource="jobs",
    operation="CREATE",
    expression="object.metadata.?labels.?team.hasValue()",
    message="every Job needs the label team",
)


@pytest.fixture
def strict_place(place: Place) -> Iterator[Place]:
    """A namespace in which every Job needs the label `team`."""
    pod = {"restartPolicy": "Never", "containers": [{"name": "c", "image": "none"}]}
    job = {"metadata": {"name": "plain"}, "spec": {"template": {"spec": pod}}}
    path = f"{paths.jobs(place.name)}?dryRun=All"
    with refusing(place.client, place.name, LABELLED, forbidden=lambda: place.client.create(path, job)):
        yield place


def labelled(**labels: str) -> Object:
    template = a_template(run=1)
    template["metadata"] = {**template["metadata"], "labels": labels}
    return template


def test_a_label_of_the_template_satisfies_a_policy_on_jobs(strict_place: Place) -> None:
    sweep = strict_place.apply(cases={"count": 2}, template=labelled(team="aero"))
    sweep.wait_phase("COMPLETED")
    for item in (*sweep.jobs, *sweep.pods):
        assert item["metadata"]["labels"]["team"] == "aero"


def test_without_the_label_status_quotes_the_policy(strict_place: Place) -> None:
    sweep = strict_place.apply(cases={"count": 2}, template=a_template(run=1))
    status = sweep.wait(lambda status: status.get("reason") == "JobRefused", "JobRefused")
    assert "every Job needs the label team" in status["message"]
    sweep.cancel()
    sweep.wait_phase("CANCELLED")


def test_queue_labels_of_the_template_are_set_on_the_job(place: Place) -> None:
    sweep = place.apply(cases={"count": 1}, template=labelled(**{"kueue.x-k8s.io/priority-class": "overnight"}))
    sweep.wait_phase("COMPLETED")
    [job] = sweep.jobs
    assert job["metadata"]["labels"]["kueue.x-k8s.io/priority-class"] == "overnight"
    assert job["metadata"]["labels"]["simjob.dev/index"] == "0"
    assert job["metadata"]["annotations"]["kwok.simjob.dev/run-seconds"] == "1"
