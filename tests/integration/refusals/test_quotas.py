"""Quotas that count finished Jobs and pods: a sweep continues in the room that it has."""

import pytest
from integration.support import client as paths
from integration.support.sweeps import Place, a_template
from integration.worlds.limits import quota

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("counted", ["count/jobs.batch", "count/pods"])
def test_a_sweep_larger_than_an_object_quota_runs_all_its_cases(place: Place, counted: str) -> None:
    sweep = place.apply(cases={"count": 12}, parallelism=2, suspend=True, template=a_template(run=1))
    quota(place.client, place.name, {counted: "4"})
    sweep.patch(suspend=False)
    status = sweep.wait_phase("COMPLETED", seconds=90)
    assert (status["progress"], status["cases"]["succeeded"]) == ("12/12", 12)
    assert len(sweep.job_names) == len(sweep.pod_names) == 12, "no case was made twice"
    # The API server recounts what a quota has used from a cache, and so may let more through than the quota allows.
    sweep.wait_until(lambda: 2 <= len(sweep.jobs) <= 6, "the newest finished Jobs are kept")

    def told() -> list[str]:
        events = place.client.items(paths.events(place.name))
        return [event["note"] for event in events if event["reason"] == "HistoryRemoved"]

    sweep.wait_until(lambda: told() != [], "an Event reports it")
    assert f"exceeded quota: quota, requested: {counted}=1" in told()[0]


def test_a_case_starts_soon_after_a_pod_frees_the_pod_quota(place: Place) -> None:
    sweep = place.apply(cases={"count": 12}, parallelism=12, suspend=True, template=a_template(run=1))
    quota(place.client, place.name, {"pods": "3"})
    sweep.patch(suspend=False)
    sweep.wait_phase("COMPLETED", seconds=25)
    assert len(sweep.jobs) == 12, "no finished Job was deleted: a quota of pods does not count them"
