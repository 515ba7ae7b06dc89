"""From a timeline to figures."""

from collections import Counter

import pytest
from bench.observing.audit import Request
from bench.report import measures
from bench.tests.given import KEY, Story


def test_creating_ends_with_the_last_pod() -> None:
    story = Story()
    for index, (created, running) in enumerate([(11, 12), (13, 17), (12, 14)]):
        story.pod(created, str(index))
        story.pod(running, str(index), "Running")
    assert measures.creating(story.timeline.sweep(KEY), 10, 3) == {"all_created": 3, "all_running": 7}


def test_a_missing_event_has_no_figure() -> None:
    story = Story()
    story.pod(11, "a")
    assert measures.creating(story.timeline.sweep(KEY), 10, 2) == {}
    story.pod(12, "a", "Running")
    found = measures.cancelling(story.timeline.sweep(KEY), 20, None)
    assert found == {"live_at_cancel": 1}


def test_a_cancel_ends_with_the_last_pod() -> None:
    story = Story()
    for uid, signalled, ended in (("a", 21, 22), ("b", 23, 26)):
        story.pod(10, uid, "Running")
        story.pod(signalled, uid, "Running", signalled=True)
        story.pod(ended, uid, "Failed", signalled=True)
    story.says(27, "CANCELLED")
    sweep = story.timeline.sweep(KEY)
    assert measures.cancelling(sweep, 20, sweep.said[-1]) == {
        "live_at_cancel": 2,
        "first_signalled": 1,
        "all_signalled": 3,
        "none_live": 6,
        "said": 7,
        "live_when_said": 0,
    }


def test_reporting_cancelled_too_early_is_detected_by_resource_versions() -> None:
    story = Story()
    story.pod(10, "a", "Running")
    story.pod(10, "b", "Running")
    story.pod(21, "a", "Failed", signalled=True)
    story.says(22, "CANCELLED")
    story.pod(23, "b", "Failed", signalled=True)
    sweep = story.timeline.sweep(KEY)
    assert measures.cancelling(sweep, 20, sweep.said[-1])["live_when_said"] == 1


def test_a_pod_that_ended_before_the_cancel_is_not_counted() -> None:
    story = Story()
    story.pod(10, "early", "Running")
    story.pod(15, "early", "Succeeded")
    story.pod(10, "a", "Running")
    story.pod(21, "a", "Failed", signalled=True)
    found = measures.cancelling(story.timeline.sweep(KEY), 20, None)
    assert (found["live_at_cancel"], found["all_signalled"], found["none_live"]) == (1, 1, 1)


def test_a_pod_created_after_the_cancel_must_stop_too() -> None:
    story = Story()
    story.pod(21, "late")
    assert "none_live" not in measures.cancelling(story.timeline.sweep(KEY), 20, None)
    story.pod(25, "late", signalled=True, gone=True)
    found = measures.cancelling(story.timeline.sweep(KEY), 20, None)
    assert (found["live_at_cancel"], found["none_live"]) == (0, 5)


def test_a_pod_created_after_cancelled_was_reported_is_a_violation() -> None:
    story = Story()
    story.pod(10, "a", "Running")
    story.pod(22, "a", signalled=True, gone=True)
    story.says(23, "CANCELLED")
    story.pod(24, "late")
    sweep = story.timeline.sweep(KEY)
    assert measures.cancelling(sweep, 20, sweep.said[-1])["live_when_said"] == 1


def test_a_pod_that_ends_by_itself_after_the_cancel_needs_no_deletion() -> None:
    story = Story()
    story.pod(10, "a", "Running")
    story.pod(24, "a", "Succeeded")
    assert measures.cancelling(story.timeline.sweep(KEY), 20, None)["all_signalled"] == 4


def test_requests_are_counted_by_client_and_watches_are_left_out() -> None:
    requests = Counter(
        {
            Request("operator", "simjob-operator", "create", "pods"): 8,
            Request("operator", "simjob-operator", "create", "pods", refused=True): 2,
            Request("operator", "simjob-operator", "watch", "pods"): 3,
            Request("controller manager", "kcm", "update", "jobs/status"): 20,
            Request("plain", "kopf", "create", "jobs"): 99,
        }
    )
    assert measures.asking(requests, "operator", 10) == {
        "requests_per_case": 1,
        "kcm_per_case": 2,
        "all_per_case": 3,
        "refused": 2,
    }


def test_the_largest_status_is_reported() -> None:
    story = Story()
    story.says(1, "RUNNING", size=100)
    story.says(2, "RUNNING", size=900)
    story.says(3, "COMPLETED", size=300)
    assert measures.speaking([story.timeline.sweep(KEY)]) == {"status_bytes": 900}


@pytest.mark.parametrize(("part", "expected"), [(0.0, 1), (0.5, 50), (0.99, 99), (1.0, 100)])
def test_a_quantile_is_one_of_the_values(part: float, expected: float) -> None:
    assert measures.quantile(range(1, 101), part) == expected


def test_without_values_there_is_no_quantile() -> None:
    assert measures.quantile([], 0.5) is None


def test_every_measure_of_a_timeline_is_explained() -> None:
    story = Story()
    story.pod(1, "a", "Running")
    story.pod(3, "a", "Failed", signalled=True)
    story.says(4, "CANCELLED", size=1)
    sweep = story.timeline.sweep(KEY)
    found = (
        measures.creating(sweep, 0, 1)
        | measures.cancelling(sweep, 2, sweep.said[-1])
        | measures.ending(sweep.pods.values(), 0)
        | measures.asking(Counter(), "operator", 1)
        | measures.speaking([sweep])
    )
    assert set(found) <= set(measures.MEANINGS)
    assert found["cases_per_second"] == pytest.approx(1 / 3)


def test_the_time_of_several_sweeps_is_that_of_the_last() -> None:
    one = {"live_at_cancel": 2.0, "first_signalled": 0.2, "all_signalled": 3.0, "none_live": 4.0, "live_when_said": 0.0}
    other = {"live_at_cancel": 3.0, "first_signalled": 0.9, "all_signalled": 2.0, "live_when_said": 1.0}
    assert measures.together([one, other]) == {
        "live_at_cancel": 5,
        "first_signalled": 0.2,
        "first_apart": pytest.approx(0.7),
        "all_signalled": 3,
        "live_when_said": 1,
    }


def test_a_leader_that_reacquires_its_lease_had_lost_it() -> None:
    before = {"holderIdentity": "a", "acquireTime": "1", "leaseTransitions": 3, "renewTime": "5"}
    assert measures.leader_changes(before, {**before, "renewTime": "9"}) == 0
    assert measures.leader_changes(before, {**before, "acquireTime": "9"}) == 1
    assert measures.leader_changes(before, {"holderIdentity": "b", "acquireTime": "9", "leaseTransitions": 5}) == 2
