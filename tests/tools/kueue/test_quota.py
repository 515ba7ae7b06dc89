"""Quota under the real Kueue: never exceeded, and free again after an end or a cancel."""

import time

import pytest
from integration.support.sweeps import Place
from tools.kueue.queues import TEAM, Queues, assert_no_failure, most_live, one_cpu

pytestmark = pytest.mark.tools


def test_no_more_pods_are_live_than_the_quota_allows(place: Place, queues: Queues) -> None:
    queues.make(cpus=3)
    sweep = place.apply(cases={"count": 9}, queueName=TEAM, template=one_cpu(run=2))
    status = sweep.wait_phase("COMPLETED", seconds=90)
    assert (status["succeededIndexes"], status["cases"]["failed"]) == ("0-8", 0)
    assert most_live(place) == 3, "all of the quota was used, and no more"
    assert queues.most_reserved() == 3
    queues.wait_free()


def test_two_sweeps_share_the_quota_of_a_queue(place: Place, queues: Queues) -> None:
    queues.make(cpus=2)
    first = place.apply("first", cases={"count": 3}, queueName=TEAM, template=one_cpu(run=2))
    second = place.apply("second", cases={"count": 3}, queueName=TEAM, template=one_cpu(run=2))
    for sweep in (first, second):
        assert sweep.wait_phase("COMPLETED", seconds=90)["succeededIndexes"] == "0-2"
    assert (most_live(place), queues.most_reserved()) == (2, 2)


def test_a_queued_sweep_is_cancelled_at_once_and_never_had_a_pod(place: Place, queues: Queues) -> None:
    queues.make(cpus=2)
    running = place.apply("running", cases={"count": 2}, queueName=TEAM, template=one_cpu(stop=1))
    running.wait_running(2)
    queued = place.apply("queued", cases={"count": 3}, queueName=TEAM, template=one_cpu())
    queued.wait(lambda status: status.get("reason") == "QueuedByKueue", "QueuedByKueue")
    queued.wait_until(lambda: queues.workload(queued, 2) is not None, "the last case has a Workload")
    before = time.monotonic()
    queued.cancel()
    assert queued.wait_phase("CANCELLED")["cases"]["cancelled"] == 3
    seconds = time.monotonic() - before
    print(f"a queued sweep is CANCELLED after {seconds:.1f} s")
    assert seconds < 5, "it does not wait for the queue"
    queued.wait_cleared()
    assert queued.pod_names == []
    queued.wait_until(lambda: len(queues.workloads.live()) == 2, "only the Workloads of the other sweep are left")
    assert len(running.running_pods) == 2
    running.cancel()
    running.wait_phase("CANCELLED")


def test_a_cancel_of_admitted_cases_gives_the_quota_to_the_next_sweep(place: Place, queues: Queues) -> None:
    queues.make(cpus=2)
    first = place.apply("first", cases={"count": 4}, queueName=TEAM, template=one_cpu(stop=2))
    first.wait_running(2)
    second = place.apply("second", cases={"count": 2}, queueName=TEAM, template=one_cpu(run=1))
    second.wait(lambda status: status.get("reason") == "QueuedByKueue", "QueuedByKueue")
    before = time.monotonic()
    first.cancel()
    assert first.wait_phase("CANCELLED")["cases"]["cancelled"] == 4
    print(f"an admitted sweep is CANCELLED after {time.monotonic() - before:.1f} s; its pods take 2 s to stop")
    assert second.wait_phase("COMPLETED")["succeededIndexes"] == "0-1"
    assert len(first.pod_names) == 2
    assert (most_live(place), queues.most_reserved()) == (2, 2)
    queues.wait_free()


def test_a_cancelled_case_gives_its_quota_to_another_case(place: Place, queues: Queues) -> None:
    queues.make(cpus=1)
    sweep = place.apply(cases={"count": 2}, queueName=TEAM, template=one_cpu(stop=1))
    sweep.wait_running(1)
    (running,) = sweep.running_pods
    index = running["metadata"]["labels"]["simjob.dev/index"]
    sweep.patch(cancelCases=index)
    sweep.wait_until(
        lambda: [pod["metadata"]["uid"] for pod in sweep.running_pods] not in ([], [running["metadata"]["uid"]]),
        "the other case runs",
    )
    assert sweep.status["cancelledIndexes"] == index
    assert most_live(place) == 1
    sweep.cancel()
    sweep.wait_phase("CANCELLED")


def test_a_suspended_sweep_gives_its_quota_back(place: Place, queues: Queues) -> None:
    queues.make(cpus=2)
    sweep = place.apply(cases={"count": 2}, queueName=TEAM, template=one_cpu(stop=1))
    sweep.wait_running(2)
    sweep.patch(suspend=True)
    sweep.wait_phase("SUSPENDED")
    queues.wait_free()
    sweep.patch(suspend=False)
    sweep.wait_running(2)
    assert_no_failure(sweep)
    sweep.cancel()
    sweep.wait_phase("CANCELLED")
