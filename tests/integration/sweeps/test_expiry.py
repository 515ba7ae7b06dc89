"""ttlSecondsAfterFinished: an ended SimulationJob is deleted with everything that it owns."""

import time
from datetime import UTC, datetime

import pytest
from integration.support.client import Object
from integration.support.operator_process import OperatorProcess
from integration.support.sweeps import Place, Sweep, a_template

pytestmark = pytest.mark.integration


def wait_gone(sweep: Sweep) -> None:
    sweep.wait_until(lambda: sweep.client.find(sweep.path) is None, "the SimulationJob is gone")
    sweep.wait_cleared()
    sweep.place.settle()


def since_end(status: Object) -> float:
    """Return the seconds since the end that a status reports."""
    return (datetime.now(UTC) - datetime.fromisoformat(status["completionTime"])).total_seconds()


def wait_since_end(status: Object, seconds: float) -> None:
    time.sleep(max(seconds - since_end(status), 0))


@pytest.mark.effect("spec.ttlSecondsAfterFinished")
def test_a_sweep_is_deleted_after_its_ttl(place: Place) -> None:
    sweep = place.apply(ttlSecondsAfterFinished=4, template=a_template(run=1))
    status = sweep.wait_phase("COMPLETED")
    wait_gone(sweep)
    assert since_end(status) >= 4
    ended = next(seen.version for seen in sweep.history if seen.phase == "COMPLETED")
    removed = [seen.version for seen in place.jobs.history if seen.gone]
    assert len(removed) == 3
    assert min(removed) > ended, "its Jobs were there after the end"


def test_a_ttl_of_zero_deletes_a_cancelled_sweep_at_once(place: Place) -> None:
    sweep = place.apply(ttlSecondsAfterFinished=0, template=a_template(stop=1))
    sweep.wait_running(3)
    sweep.cancel()
    wait_gone(sweep)
    assert "CANCELLED" in {seen.phase for seen in sweep.history}


def test_a_ttl_can_be_set_after_the_end_and_removed_before_it_passes(place: Place) -> None:
    kept = place.apply("kept", ttlSecondsAfterFinished=8, template=a_template(run=1))
    sweep = place.apply(template=a_template(run=1))
    status = kept.wait_phase("COMPLETED")
    kept.patch(ttlSecondsAfterFinished=None)
    sweep.wait_phase("COMPLETED")
    wait_since_end(status, 9)
    assert sweep.patch(ttlSecondsAfterFinished=1)["spec"]["ttlSecondsAfterFinished"] == 1
    wait_gone(sweep)
    assert kept.status["phase"] == "COMPLETED"
    assert len(kept.jobs) == 3


def test_a_ttl_that_passed_during_downtime_is_applied_afterwards(place: Place, operator: OperatorProcess) -> None:
    sweep = place.apply(template=a_template(run=1))
    status = sweep.wait_phase("COMPLETED")
    operator.stop()
    # Set only now: before, it might have passed while the operator was still stopping.
    sweep.patch(ttlSecondsAfterFinished=1)
    wait_since_end(status, 2)
    assert sweep.status["phase"] == "COMPLETED"
    operator.start()
    wait_gone(sweep)
