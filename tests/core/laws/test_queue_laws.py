"""A queue admits, evicts and admits again: no case fails for it, and no pod is live beyond the quota."""

from datetime import datetime

import pytest
from given.outcomes import outcomes_of
from given.scenario import Deed, Fault, World
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from simjob.api import names
from worlds.kubelet import FOREVER

bounded = settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
lags = st.tuples(*[st.sampled_from([0.0, 0.02, 0.3])] * 3)
SPEC = {"queueName": "gpus", "parallelism": 3}
SCRIPT = ((0,), (0,), (0,))


def evict(world: World) -> None:
    assert world.queue
    # Its pod may go while no operator sees how long it ran.
    world.cluster.unseen |= {"succeeded"}
    world.queue.evict()


def assert_all_ran_once(world: World) -> None:
    assert world.cluster.breaches == []
    assert (world.status["phase"], outcomes_of(world.status)["succeeded"]) == ("COMPLETED", "0-2")
    assert world.own_ends == {0: [0], 1: [0], 2: [0]}
    notes = [job["metadata"].get("annotations", {}) for job in world.cluster.objects("jobs")]
    assert not any(names.ANNOTATION_DISRUPTIONS in found for found in notes), "an eviction is no disruption"


@pytest.mark.parametrize("quota", [1, 2])
def test_a_queue_lets_all_cases_run_within_its_quota(quota: int) -> None:
    assert_all_ran_once(World(script=SCRIPT, spec=SPEC, queue_quota=quota).run())


@bounded
@given(
    st.dictionaries(st.integers(1, 30), st.just(evict), min_size=1, max_size=3),
    st.dictionaries(st.integers(1, 30), st.sampled_from(Fault), max_size=2),
    lags,
)
def test_evicted_cases_run_again_wherever_the_operator_dies(
    people: dict[int, Deed], faults: dict[int, Fault], lag: tuple[float, float, float]
) -> None:
    assert_all_ran_once(World(script=SCRIPT, spec=SPEC, people=people, faults=faults, lag=lag, queue_quota=2).run())


@pytest.mark.parametrize("death", [None, 5, 9, 12, 15])
def test_total_seconds_stand_still_while_a_queue_holds_the_sweep(death: int | None) -> None:
    faults = {} if death is None else {death: Fault.DIE_AFTER}
    spec = {**SPEC, "timeouts": {"totalSeconds": 20}}
    world = World(script=((FOREVER,), (FOREVER,)), spec=spec, faults=faults, queue_quota=1)
    assert world.queue
    world.after(5, world.queue.close)
    world.after(60, world.queue.open)
    status = world.run().status
    assert world.cluster.breaches == []
    assert (status["phase"], status["errorCode"]) == ("FAILED", "TOTAL_TIMEOUT")
    assert 50 <= status["suspendedSeconds"] <= 57
    took = datetime.fromisoformat(status["completionTime"]) - datetime.fromisoformat(status["startTime"])
    assert 70 <= took.total_seconds() <= 82


def test_a_held_world_at_rest_needs_no_action_and_no_status_write() -> None:
    world = World(script=((0,), (0,)), spec=SPEC, rests="PENDING", queue_quota=0).run()
    job, plan = world.plan_again()
    assert job.status.reason == "QueuedByKueue"
    assert (plan.actions, plan.notices, plan.status) == ((), (), job.status)
