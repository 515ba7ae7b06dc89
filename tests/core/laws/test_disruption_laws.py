"""What the cluster does to pods is no failure; what a case does itself is one, wherever the operator dies."""

from collections.abc import Mapping
from typing import Any

import pytest
from given.outcomes import outcomes_of
from given.scenario import Deed, Fault, World
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from worlds.kubelet import EVICTED, EVICTED_FIRST, FOREVER, REBOOT

bounded = settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
lags = st.tuples(*[st.sampled_from([0.0, 0.02, 0.3])] * 3)

# Two reboots, then it runs; evicted once for its own limit; evicted as often as it may fail, and once more.
SCRIPT = ((REBOOT, REBOOT, 0), (EVICTED, 0), (EVICTED, EVICTED))
SPEC: Mapping[str, Any] = {"retries": {"limit": 1}}


def assert_ended_as_it_should(world: World) -> None:
    assert world.cluster.breaches == []
    assert outcomes_of(world.status) == {"succeeded": "0-1", "failed": "2", "cancelled": ""}
    assert [failure["reason"] for failure in world.status["failures"]] == ["Evicted"]
    assert world.own_ends == {index: list(ends) for index, ends in enumerate(SCRIPT)}, "an attempt more or less"


@bounded
@given(st.dictionaries(st.integers(1, 40), st.sampled_from(Fault), max_size=3), lags)
def test_only_an_eviction_for_the_pods_own_limit_counts_as_a_failure(
    faults: dict[int, Fault], lag: tuple[float, float, float]
) -> None:
    assert_ended_as_it_should(World(script=SCRIPT, spec=SPEC, faults=faults, lag=lag).run())


def test_an_eviction_for_the_pods_own_limit_counts_even_if_the_kubelet_reports_success() -> None:
    world = World(script=((EVICTED_FIRST, 0), (EVICTED_FIRST, EVICTED_FIRST)), spec=SPEC).run()
    assert world.cluster.breaches == []
    assert outcomes_of(world.status) == {"succeeded": "0", "failed": "1", "cancelled": ""}


@pytest.mark.parametrize("death", [None, 5, 8, 11, 14])
def test_endless_disruptions_fail_the_case(death: int | None) -> None:
    faults = {} if death is None else {death: Fault.DIE_AFTER}
    world = World(script=((REBOOT,) * 20, (0,)), spec={"retries": {"maxDisruptions": 3}}, faults=faults).run()
    assert world.cluster.breaches == []
    assert (world.status["phase"], world.status["errorCode"]) == ("FAILED", "DISRUPTED")
    assert world.own_ends == {0: [REBOOT] * 4, 1: [0]}
    (failure,) = world.status["failures"]
    assert failure["message"].endswith("the last time: Unknown: exit code 255")


def unlabel(plural: str) -> Deed:
    def deed(world: World) -> None:
        for raw in list(world.cluster.objects(plural)):
            world.cluster.relabel(plural, "default", raw["metadata"]["name"], uid=None)

    return deed


@pytest.mark.parametrize("plural", ["jobs", "pods"])
def test_labels_removed_at_any_write_change_nothing(plural: str) -> None:
    for number in range(2, 12):
        world = World(script=((0,), (1, 0)), spec=SPEC, people={number: unlabel(plural)}).run()
        assert world.cluster.breaches == [], number
        assert outcomes_of(world.status) == {"succeeded": "0-1", "failed": "", "cancelled": ""}, number
        assert world.own_ends == {0: [0], 1: [1, 0]}, number


@pytest.mark.parametrize("plural", ["jobs", "pods"])
def test_labels_removed_while_the_operator_is_down_do_not_block_a_cancel(plural: str) -> None:
    def unlabel_and_cancel(world: World) -> None:
        unlabel(plural)(world)
        world.patch(cancel=True)

    for number in (5, 7, 9):
        faults = {number: Fault.DIE_AFTER}
        world = World(script=((FOREVER,), (FOREVER,)), faults=faults, away=unlabel_and_cancel).run()
        assert world.cluster.breaches == [], number
        assert world.status["phase"] == "CANCELLED"
        assert world.cluster.live_pods() == []
