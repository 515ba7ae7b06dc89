from datetime import datetime, timedelta
from typing import Any

import pytest
from given.builders import NOW, a_pod_fact
from simjob.api.policies import Timeouts
from simjob.core.attempts import timeouts
from simjob.core.facts.pods import PodFact, PodState

BOUNDS = Timeouts(assign_seconds=30, start_seconds=60, run_seconds=100)


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def waiting(state: PodState, **fact: Any) -> PodFact:
    return a_pod_fact(state=state, **fact)


def test_the_time_to_get_a_node_counts_from_the_pods_creation() -> None:
    found = timeouts.expiry(waiting(PodState.PENDING, seen_at=after(20)), BOUNDS)
    assert found
    assert (found.at, found.error_code, found.message) == (after(30), "ASSIGN_TIMEOUT", "no node within 30 s")


def test_a_scheduling_timeout_quotes_the_scheduler() -> None:
    found = timeouts.expiry(waiting(PodState.PENDING, reason="Unschedulable", message="0/3 nodes: no GPU"), BOUNDS)
    assert found
    assert found.message == "no node within 30 s: Unschedulable: 0/3 nodes: no GPU"


@pytest.mark.parametrize(
    ("scheduled", "since"),
    [
        # The API server created the pod at 0 s, and the operator saw it on its node at 8 s.
        pytest.param(after(5), 5, id="a plausible time"),
        pytest.param(after(-3), 0, id="before its creation"),
        pytest.param(after(50), 8, id="later than it was seen"),
        pytest.param(None, 8, id="unknown"),
    ],
)
def test_the_time_to_start_counts_from_a_plausible_scheduling_time(scheduled: datetime | None, since: int) -> None:
    pod = waiting(PodState.ASSIGNED, scheduled=scheduled, seen_at=after(8), node="node-1", reason="ErrImagePull")
    found = timeouts.expiry(pod, BOUNDS)
    assert found
    assert (found.at, found.error_code) == (after(since + 60), "START_TIMEOUT")
    assert found.message == "its container did not run within 60 s on node node-1: ErrImagePull"


@pytest.mark.parametrize(
    "pod",
    [
        waiting(PodState.RUNNING),
        waiting(PodState.SUCCEEDED),
        # The simulation runs while a sidecar's image is still being pulled.
        waiting(PodState.ASSIGNED, started=NOW),
    ],
)
def test_a_running_or_ended_pod_has_no_start_timeout(pod: PodFact) -> None:
    assert timeouts.expiry(pod, BOUNDS) is None


@pytest.mark.parametrize("bounds", [None, Timeouts(), Timeouts(run_seconds=1, total_seconds=1)])
@pytest.mark.parametrize("state", [PodState.PENDING, PodState.ASSIGNED])
def test_without_a_timeout_a_pod_may_wait_forever(bounds: Timeouts | None, state: PodState) -> None:
    assert timeouts.expiry(waiting(state), bounds) is None


@pytest.mark.parametrize(
    ("bounds", "seconds"),
    [
        pytest.param(None, None, id="no timeouts"),
        pytest.param(Timeouts(start_seconds=5), None, id="start only"),
        pytest.param(Timeouts(run_seconds=100), 3700, id="run only: an hour to start"),
        pytest.param(Timeouts(run_seconds=100, start_seconds=60), 160, id="start and run"),
        pytest.param(Timeouts(run_seconds=2**31 - 1), 2**31 - 1, id="capped"),
    ],
)
def test_the_deadline_of_a_new_pod_allows_for_start_and_run(bounds: Timeouts | None, seconds: int | None) -> None:
    assert timeouts.deadline(bounds) == seconds


@pytest.mark.parametrize(
    ("accepted", "started", "deadline", "wanted"),
    [
        # All by the kubelet's clock, which is an hour behind ours: only differences count.
        pytest.param(after(-3600), after(-3593), 3700, 108, id="lowered"),
        pytest.param(after(-3600), after(-3593), None, 108, id="no deadline yet"),
        pytest.param(after(-3600), after(-3593), 108, None, id="already lowered"),
        pytest.param(after(-3600), after(-3593), 90, None, id="never raised"),
        pytest.param(after(-3600), after(-3601), 3700, 101, id="started before it was accepted"),
        pytest.param(after(-3600), None, 3700, None, id="not started"),
        pytest.param(None, after(-3600), 3700, None, id="not accepted"),
    ],
)
def test_the_deadline_is_lowered_once_the_container_runs(
    accepted: datetime | None, started: datetime | None, deadline: int | None, wanted: int | None
) -> None:
    pod = a_pod_fact(accepted=accepted, started=started, deadline=deadline)
    assert timeouts.tightened(pod, BOUNDS) == wanted
    assert timeouts.tightened(pod, None) is None


def test_a_pod_that_reaches_its_deadline_before_running_did_not_start() -> None:
    assert timeouts.deadline_code(a_pod_fact(started=NOW)) == "EXECUTION_TIMEOUT"
    assert timeouts.deadline_code(a_pod_fact()) == "START_TIMEOUT"
    assert timeouts.deadline_code(None) == "EXECUTION_TIMEOUT"


@pytest.mark.parametrize(
    ("found", "still"),
    [
        pytest.param(waiting(PodState.ASSIGNED), True, id="unchanged"),
        pytest.param(waiting(PodState.ASSIGNED, version=9, reason="ErrImagePull"), True, id="another reason"),
        pytest.param(waiting(PodState.ASSIGNED, started=NOW), False, id="its simulation started"),
        pytest.param(waiting(PodState.RUNNING), False, id="running"),
        pytest.param(waiting(PodState.FAILED), False, id="failed"),
        pytest.param(waiting(PodState.ASSIGNED, terminating=True), False, id="being deleted"),
        pytest.param(waiting(PodState.ASSIGNED, uid="another"), False, id="another pod"),
    ],
)
def test_only_an_unstarted_live_pod_is_still_waiting(found: PodFact, still: bool) -> None:
    assert timeouts.still_waits(waiting(PodState.ASSIGNED), found) is still
