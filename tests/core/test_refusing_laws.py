"""A sweep outlives a quota that its own finished Jobs use up, and a cancel outlives a status that is refused."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scenario import Deed, Fault, World
from simjob.runtime.errors import InvalidError

# One case succeeds at once, one at its second attempt, one never, three at once.
SCRIPT = ((0,), (1, 0), (1, 1), (0,), (0,), (0,))
SPEC = {"retries": {"limit": 1}}
MENDED_AFTER = 12

bounded = settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))


def assert_all_ended(world: World) -> None:
    assert world.cluster.breaches == []
    assert world.status["phase"] == "FAILED"
    succeeded, failed = world.cluster.ledger("succeeded"), world.cluster.ledger("failed")
    assert sorted((*succeeded, *failed)) == list(range(6))


@bounded
@given(
    st.sampled_from(["count/jobs.batch", "count/pods", "pods"]),
    st.integers(2, 4),
    st.dictionaries(st.integers(1, 40), st.sampled_from(Fault), max_size=2),
    st.tuples(*[st.sampled_from([0.0, 0.3])] * 3),
)
def test_every_case_runs_in_the_room_that_a_quota_leaves(
    counted: str, most: int, faults: dict[int, Fault], lag: tuple[float, float, float]
) -> None:
    quota = {counted: most}
    assert_all_ended(World(script=SCRIPT, spec=SPEC, quota=quota, faults=faults, lag=lag).run())


def refuse_status(world: World) -> None:
    """Refuse every status for some seconds."""

    def mend() -> None:
        world.refuses_status = False

    world.refuses_status = True
    world.after(MENDED_AFTER, mend)


def cancel_without_status(world: World) -> None:
    """Refuse every status, cancel, and hold that all pods have stopped before it can be stored."""

    def judge() -> None:
        live = world.cluster.live_pods()
        if world.refuses_status and live:
            world.cluster.breach("O8", f"{live} are live {MENDED_AFTER - 1} s after a cancel")

    refuse_status(world)
    try:
        world.patch(cancel=True)
    except InvalidError:
        return
    world.after(MENDED_AFTER - 1, judge)


@pytest.mark.parametrize("number", range(1, 40, 3))
def test_a_cancel_stops_all_pods_while_no_status_can_be_stored_and_ends_when_one_can(number: int) -> None:
    world = World(script=SCRIPT, spec=SPEC, people={number: cancel_without_status}).run()
    assert world.cluster.breaches == []
    assert world.status["isTerminal"]
    assert ("cancellation" in world.status) == (world.status["phase"] == "CANCELLED")
    assert world.cluster.live_pods() == []


@bounded
@given(st.integers(1, 30), st.tuples(*[st.sampled_from([0.0, 0.3])] * 3))
def test_a_status_that_is_refused_for_some_time_loses_nothing(number: int, lag: tuple[float, float, float]) -> None:
    people: dict[int, Deed] = {number: refuse_status}
    assert_all_ended(World(script=SCRIPT, spec=SPEC, people=people, lag=lag).run())
