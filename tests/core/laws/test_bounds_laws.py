"""The bounds of a sweep hold wherever the operator is stopped, and each attempt that took too long counts once."""

from collections.abc import Mapping
from typing import Any

import pytest
from given.outcomes import outcomes_of
from given.scenario import Fault, World
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from worlds.kubelet import FOREVER, NO_NODE, NO_START, OVERTIME

bounded = settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
DEATHS = (Fault.DIE_BEFORE, Fault.DIE_AFTER)
lags = st.tuples(*[st.sampled_from([0.0, 0.02, 0.3])] * 3)

# No node at first, then it runs; never starts; runs too long at first; ends with a code that is not retried.
SCRIPT = ((NO_NODE, 0), (NO_START, NO_START), (OVERTIME, 0), (7,))
SPEC: Mapping[str, Any] = {
    "timeouts": {"assignSeconds": 3, "startSeconds": 4, "runSeconds": 5},
    "retries": {"limit": 1, "nonRetryableExitCodes": [7]},
}


def assert_ended_as_it_should(world: World) -> None:
    status = world.status
    assert world.cluster.breaches == []
    assert (status["phase"], status["errorCode"]) == ("FAILED", "CASES_FAILED")
    assert outcomes_of(status) == {"succeeded": "0,2", "failed": "1,3", "cancelled": ""}
    failures = {failure["index"]: (failure["errorCode"], failure.get("exitCode")) for failure in status["failures"]}
    assert failures == {1: ("START_TIMEOUT", None), 3: ("CASE_FAILED", 7)}
    assert world.own_ends == {index: list(ends) for index, ends in enumerate(SCRIPT)}, "an attempt more or less"


@pytest.mark.parametrize("fault", DEATHS)
def test_timeouts_are_counted_once_wherever_the_operator_dies(fault: Fault) -> None:
    undisturbed = World(script=SCRIPT, spec=SPEC).run()
    assert_ended_as_it_should(undisturbed)
    for number in range(1, undisturbed.writes + 1):
        world = World(script=SCRIPT, spec=SPEC, faults={number: fault}).run()
        assert world.deaths == 1, number
        assert_ended_as_it_should(world)


@bounded
@given(st.dictionaries(st.integers(1, 40), st.sampled_from(Fault), max_size=3), lags)
def test_timeouts_are_counted_once_despite_errors_and_late_watches(
    faults: dict[int, Fault], lag: tuple[float, float, float]
) -> None:
    assert_ended_as_it_should(World(script=SCRIPT, spec=SPEC, faults=faults, lag=lag).run())


@pytest.mark.parametrize("death", [None, *range(3, 13)])
def test_a_job_ends_at_its_total_deadline_or_failure_limit(death: int | None) -> None:
    faults = {} if death is None else {death: Fault.DIE_AFTER}
    late = World(script=((0,), (FOREVER,), (FOREVER,)), spec={"timeouts": {"totalSeconds": 10}}, faults=faults).run()
    failing = World(
        script=((1,), (FOREVER,), (FOREVER,)),
        spec={"failurePolicy": {"onExceeded": "CancelRemaining"}},
        faults=faults,
    ).run()
    assert (late.cluster.breaches, failing.cluster.breaches) == ([], [])
    assert (late.status["errorCode"], failing.status["errorCode"]) == ("TOTAL_TIMEOUT", "CASE_FAILED")
    assert outcomes_of(late.status) == {"succeeded": "0", "failed": "", "cancelled": "1-2"}
    assert outcomes_of(failing.status) == {"succeeded": "", "failed": "0", "cancelled": "1-2"}
    assert late.cluster.live_pods() == failing.cluster.live_pods() == []


@pytest.mark.parametrize("death", [None, *range(5, 12)])
def test_a_suspension_does_not_use_up_total_seconds(death: int | None) -> None:
    def suspend(world: World) -> None:
        world.patch(suspend=True)
        world.after(20, lambda: world.patch(suspend=False))

    faults = {} if death is None else {death: Fault.DIE_AFTER}
    spec = {"timeouts": {"totalSeconds": 18}}
    world = World(script=((0,), (0,), (0,)), spec=spec, people={4: suspend}, faults=faults).run()
    assert world.cluster.breaches == []
    assert (world.status["phase"], world.status["cases"]["succeeded"]) == ("COMPLETED", 3)
    assert 15 <= world.status["suspendedSeconds"] <= 20


@bounded
@given(st.dictionaries(st.integers(3, 40), st.sampled_from(Fault), max_size=2), st.sampled_from([0.0, 0.3]))
def test_a_persistent_case_restarts_until_it_is_cancelled(faults: dict[int, Fault], lag: float) -> None:
    def cancel_later(world: World) -> None:
        world.after(30, lambda: world.patch(cancel=True))

    world = World(
        script=((0, 1, 0), (1, 0, 1)),
        spec={"task": "Persistent"},
        people={2: cancel_later},
        faults=faults,
        lag=(lag, lag, 0.0),
    ).run()
    assert world.cluster.breaches == []
    assert (world.status["phase"], world.status["cancelledIndexes"]) == ("CANCELLED", "0-1")
    assert min(len(ends) for ends in world.own_ends.values()) >= 4
