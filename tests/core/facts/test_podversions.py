"""What the older version of a pod says that the newer one does not."""

from dataclasses import replace
from datetime import timedelta

import pytest
from given.builders import NOW, a_pod_fact
from simjob.core.facts import podversions
from simjob.core.facts.pods import PodState

LATER = NOW + timedelta(seconds=9)


def test_a_stop_is_remembered_after_the_kubelets_final_deletion() -> None:
    asked = a_pod_fact(terminating=True, grace=30)
    last = a_pod_fact(terminating=True, stopped=False, state=PodState.FAILED, grace=0, seen_at=LATER, asked_at=LATER)
    after = podversions.successor(asked, last)
    assert (after.stopped, after.asked_at, after.seen_at) == (True, NOW, LATER)


def test_a_state_keeps_the_time_it_was_first_seen() -> None:
    running = a_pod_fact()
    assert podversions.successor(running, replace(running, version=2, seen_at=LATER)).seen_at == NOW


def test_an_eviction_for_the_pods_own_limit_is_kept_even_if_it_later_reports_success() -> None:
    evicted = a_pod_fact(state=PodState.FAILED, reason="Evicted", message="too big", over_limit=True)
    after = podversions.successor(evicted, a_pod_fact(version=43, state=PodState.SUCCEEDED, exit_code=0))
    assert (after.state, after.over_limit, after.reason) == (PodState.FAILED, True, "Evicted")
    assert (after.message, after.exit_code, after.version) == ("too big", 0, 43)
    assert not after.succeeded


@pytest.mark.parametrize("over_limit", [True, False])
def test_the_first_end_of_a_pod_is_final(over_limit: bool) -> None:
    first = a_pod_fact(state=PodState.SUCCEEDED, exit_code=0)
    drained = replace(first, version=2, disrupted=True, disruption="drain", over_limit=over_limit)
    assert podversions.successor(first, drained).succeeded
    running = a_pod_fact(disrupted=True)
    assert not podversions.successor(running, replace(running, version=2, disrupted=False)).disrupted


class TestAPodThatIsOver:
    """The user's containers have ended, and something else keeps the pod."""

    OVER = a_pod_fact(state=PodState.RUNNING, exit_code=3, reason="Error", message="diverged", over_at=NOW)

    def test_a_later_deletion_changes_nothing(self) -> None:
        after = podversions.successor(
            self.OVER, replace(self.OVER, version=2, stopped=True, terminating=True, over_at=None)
        )
        assert (after.outcome, after.stopped, after.exit_code, after.message) == (PodState.FAILED, False, 3, "diverged")

    def test_the_end_of_the_users_containers_is_the_end_of_the_pod(self) -> None:
        ended = replace(self.OVER, version=2, state=PodState.SUCCEEDED, exit_code=0, disrupted=True, over_at=None)
        after = podversions.successor(self.OVER, ended)
        assert (after.state, after.exit_code, after.disrupted) == (PodState.FAILED, 3, False)

    @pytest.mark.parametrize("by_kubelet", [True, False])
    def test_a_pod_ended_by_its_kubelet_was_not_over(self, by_kubelet: bool) -> None:
        ended = replace(self.OVER, version=2, state=PodState.FAILED, exit_code=137, over_at=None)
        ended = replace(ended, by_kubelet=by_kubelet, over_limit=not by_kubelet)
        assert podversions.successor(self.OVER, ended).exit_code == 137


def test_start_and_deletion_times_are_remembered() -> None:
    old = a_pod_fact(started=NOW, asked_at=NOW)
    after = podversions.successor(old, a_pod_fact(version=2, started=None, asked_at=LATER))
    assert (after.started, after.asked_at) == (NOW, NOW)
