"""What the counters say of pods as they come and go."""

from bench.report.timeline import live_series
from bench.tests.given import KEY, Story


def test_a_pod_is_counted_through_its_life() -> None:
    story = Story()
    counters = story.timeline.sweep(KEY).counters
    story.pod(1, "a")
    assert (counters.created, counters.live, counters.running, counters.present) == (1, 1, 0, 1)
    story.pod(2, "a", "Running")
    assert (counters.ran, counters.running) == (1, 1)
    story.pod(3, "a", "Running", signalled=True)
    assert (counters.signalled, counters.live, counters.leaving) == (1, 1, 1)
    story.pod(4, "a", "Failed", signalled=True)
    assert (counters.live, counters.running, counters.ended, counters.present) == (0, 0, 1, 1)
    story.pod(5, "a", "Failed", signalled=True, gone=True)
    assert (counters.live, counters.present, counters.ended, counters.leaving) == (0, 0, 1, 0)


def test_a_pod_seen_only_at_its_end_is_not_counted() -> None:
    story = Story()
    story.pod(1, "a", signalled=True, gone=True)
    counters = story.timeline.sweep(KEY).counters
    assert (counters.created, counters.live, counters.present, counters.leaving) == (1, 0, 0, 0)


def test_a_pod_deleted_without_a_final_phase_lived_until_its_deletion() -> None:
    story = Story()
    story.pod(1, "a", "Running")
    story.pod(2, "a", "Running", signalled=True)
    story.pod(4, "a", "Running", signalled=True, gone=True)
    sweep = story.timeline.sweep(KEY)
    assert sweep.pods["a"].ended == 4
    assert sweep.counters.live == sweep.counters.running == sweep.counters.ended == 0


def test_only_the_first_occurrence_counts() -> None:
    story = Story()
    story.pod(1, "a")
    story.pod(2, "a", "Running")
    story.pod(3, "a", "Running")
    assert story.timeline.sweep(KEY).pods["a"].running == 2
    assert story.timeline.sweep(KEY).counters.ran == 1


def test_two_pods_of_the_same_name_are_counted_separately() -> None:
    story = Story()
    story.pod(1, "first")
    story.pod(2, "first", gone=True)
    story.pod(3, "second")
    counters = story.timeline.sweep(KEY).counters
    assert (counters.created, counters.live) == (2, 1)


def test_the_series_of_live_pods_rises_and_falls() -> None:
    story = Story()
    story.pod(1, "a")
    story.pod(2, "b")
    story.pod(3, "a", "Failed")
    pods = story.timeline.sweep(KEY).pods.values()
    assert live_series(list(pods), start=1) == [(0, 1), (1, 2), (2, 1)]


def test_a_long_series_is_thinned_and_keeps_its_last_point() -> None:
    story = Story()
    for index in range(1000):
        story.pod(index, str(index))
    series = live_series(list(story.timeline.sweep(KEY).pods.values()), start=0, points=100)
    assert 90 < len(series) < 120
    assert series[-1] == (999, 1000)
