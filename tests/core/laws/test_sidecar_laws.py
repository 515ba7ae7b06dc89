"""Worlds in which an injector adds a container to each pod end like worlds without it."""

from typing import Any

import pytest
from given.outcomes import outcomes_of
from given.scenario import Fault, World
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from worlds.oracles import Injected

# One case succeeds at once, one at its second attempt, one never, and one has a code that is final.
SCRIPT = ((0,), (1, 0), (1, 1), (2,))
SPEC: dict[str, Any] = {"retries": {"limit": 1, "nonRetryableExitCodes": [2]}}
# Without a bound only the operator ends an injected container; with one its kubelet may do so, too.
SPECS: tuple[dict[str, Any], ...] = (SPEC, SPEC | {"timeouts": {"runSeconds": 8}})
ENDS = {0: [0], 1: [1, 0], 2: [1, 1], 3: [2]}

bounded = settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
injections = st.sampled_from(Injected)
lags = st.tuples(*[st.sampled_from([0.0, 0.02, 0.3])] * 3)


def judge(world: World) -> None:
    status = world.status
    assert world.cluster.breaches == []
    assert outcomes_of(status) == {"succeeded": "0-1", "failed": "2-3", "cancelled": ""}
    failures = sorted((failure["index"], failure["exitCode"], failure["errorCode"]) for failure in status["failures"])
    assert failures == [(2, 1, "CASE_FAILED"), (3, 2, "CASE_FAILED")]
    assert world.own_ends == ENDS, "how often each case ran"


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("injected", Injected)
def test_an_injected_container_changes_no_outcome(injected: Injected, spec: dict[str, Any]) -> None:
    world = World(script=SCRIPT, spec=spec, injected=injected).run()
    judge(world)
    assert {failure.get("container") for failure in world.status["failures"]} == {None}


@bounded
@given(
    injections, st.sampled_from(SPECS), st.dictionaries(st.integers(1, 40), st.sampled_from(Fault), max_size=3), lags
)
def test_errors_beside_an_injected_container_do_not_change_the_end(
    injected: Injected, spec: dict[str, Any], faults: dict[int, Fault], lag: tuple[float, float, float]
) -> None:
    judge(World(script=SCRIPT, spec=spec, injected=injected, faults=faults, lag=lag).run())


@bounded
@given(injections, st.integers(3, 40))
def test_a_cancel_beside_an_injected_container_keeps_recorded_outcomes(injected: Injected, number: int) -> None:
    cancel = {number: lambda world: world.patch(cancel=True)}
    world = World(script=SCRIPT, spec=SPEC, injected=injected, people=cancel).run()
    assert world.cluster.breaches == []
    if world.status["phase"] == "CANCELLED":
        cancelled = world.status["cases"]["cancelled"]
        ended = [index for index, ends in world.own_ends.items() if ends == ENDS[index]]
        assert len(ended) + cancelled >= len(SCRIPT)
        assert world.status["cases"]["succeeded"] + world.status["cases"]["failed"] == len(ended)
