"""A sweep and its cancel survive a time in which its Jobs, pods, status or spec are refused."""

from typing import Any

import pytest
from given.scenario import Deed, Fault, World
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from simjob.runtime.client import errors

# One case succeeds at once, one at its second attempt, one never, three at once.
SCRIPT = ((0,), (1, 0), (1, 1), (0,), (0,), (0,))
SPEC: dict[str, Any] = {"retries": {"limit": 1}}
MENDED_AFTER = 12
STATUS = "patch_simulationjob_status"
REFUSALS = {
    "a field": errors.InvalidError("spec.containers[0]: Invalid value", code=422),
    "a size": errors.InvalidError("Request entity too large", code=413),
    "a policy": errors.ForbiddenError("denied by a policy", code=403),
    "a quota that others change": errors.ConflictError("the object has been modified", code=409),
    "too many requests": errors.UnavailableError("slow down", code=429, retry_after=5),
    "a webhook that does not work": errors.UnavailableError("failed calling webhook", code=500),
    "no answer": errors.UnavailableError("no answer"),
}

bounded = settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))


def assert_all_ended(world: World) -> None:
    assert world.cluster.breaches == []
    assert world.status["phase"] == "FAILED"
    succeeded, failed = world.cluster.indexes("succeeded"), world.cluster.indexes("failed")
    assert sorted((*succeeded, *failed)) == list(range(6))


@bounded
@given(
    st.sampled_from(["count/jobs.batch", "count/pods", "pods"]),
    st.integers(2, 4),
    st.dictionaries(st.integers(1, 40), st.sampled_from(Fault), max_size=2),
    st.tuples(*[st.sampled_from([0.0, 0.3])] * 3),
)
def test_every_case_runs_within_a_quota(
    counted: str, most: int, faults: dict[int, Fault], lag: tuple[float, float, float]
) -> None:
    quota = {counted: most}
    assert_all_ended(World(script=SCRIPT, spec=SPEC, quota=quota, faults=faults, lag=lag).run())


def refuse_status(world: World) -> None:
    """Refuse every status for some seconds."""

    def mend() -> None:
        del world.refused[STATUS]

    world.refused[STATUS] = errors.ForbiddenError("no status today", code=403)
    world.after(MENDED_AFTER, mend)


def cancel_without_status(world: World) -> None:
    """Refuse every status, cancel, and hold that all pods have stopped before it can be stored."""

    def judge() -> None:
        live = world.cluster.live_pods()
        if STATUS in world.refused and live:
            world.cluster.breach("O8", f"{live} are live {MENDED_AFTER - 1} s after a cancel")

    refuse_status(world)
    try:
        world.patch(cancel=True)
    except errors.InvalidError:
        return
    world.after(MENDED_AFTER - 1, judge)


@pytest.mark.parametrize("number", range(1, 40, 3))
def test_a_cancel_stops_all_pods_even_while_status_writes_are_refused(number: int) -> None:
    world = World(script=SCRIPT, spec=SPEC, people={number: cancel_without_status}).run()
    assert world.cluster.breaches == []
    assert world.status["isTerminal"]
    assert ("cancellation" in world.status) == (world.status["phase"] == "CANCELLED")
    assert world.cluster.live_pods() == []


@bounded
@given(st.integers(1, 30), st.tuples(*[st.sampled_from([0.0, 0.3])] * 3))
def test_refused_status_writes_lose_nothing(number: int, lag: tuple[float, float, float]) -> None:
    people: dict[int, Deed] = {number: refuse_status}
    assert_all_ended(World(script=SCRIPT, spec=SPEC, people=people, lag=lag).run())


def refuse_creations(call: str, error: Exception, seconds: float) -> Deed:
    """Refuse Jobs or pods for some time, once there is a pod."""

    def deed(world: World) -> None:
        if any(world.cluster.objects("pods")):
            world.refused[call] = error
            world.after(seconds, world.refused.clear)

    return deed


@bounded
@given(
    st.sampled_from(["create_job", "create_pod"]),
    st.sampled_from(list(REFUSALS)),
    st.integers(5, 40),
    # Three seconds, and longer than what ends a job that nothing was ever accepted of.
    st.sampled_from([3.0, 150.0]),
    st.dictionaries(st.integers(1, 40), st.sampled_from(Fault), max_size=2),
    st.tuples(*[st.sampled_from([0.0, 0.3])] * 3),
)
def test_refused_creations_midway_stop_no_pod_and_end_no_job(
    call: str, refusal: str, number: int, seconds: float, faults: dict[int, Fault], lag: tuple[float, float, float]
) -> None:
    people = {number: refuse_creations(call, REFUSALS[refusal], seconds)}
    world = World(script=SCRIPT, spec=SPEC, people=people, faults=faults, lag=lag).run()
    assert_all_ended(world)
    assert world.status["errorCode"] == "CASE_FAILED"
    assert {index: ends for index, ends in world.own_ends.items() if ends != list(SCRIPT[index])} == {}


def make_unreadable(world: World) -> None:
    """Store a spec that only another version can read, for some seconds."""
    if not world.status.get("startTime") or world.status.get("isTerminal"):
        return
    world.patch(retries={"limit": -1})
    world.after(MENDED_AFTER, lambda: world.patch(**SPEC))


@bounded
@given(
    st.integers(2, 40),
    st.dictionaries(st.integers(1, 40), st.sampled_from(Fault), max_size=2),
    st.tuples(*[st.sampled_from([0.0, 0.3])] * 3),
)
def test_a_temporarily_unreadable_spec_stops_no_pod_and_ends_no_job(
    number: int, faults: dict[int, Fault], lag: tuple[float, float, float]
) -> None:
    people: dict[int, Deed] = {number: make_unreadable}
    world = World(script=SCRIPT, spec=SPEC, people=people, faults=faults, lag=lag).run()
    assert_all_ended(world)
    assert {index: ends for index, ends in world.own_ends.items() if ends != list(SCRIPT[index])} == {}
