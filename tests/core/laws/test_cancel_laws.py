"""A cancel, of a whole job or of some cases, is carried out at any time and despite any error."""

import itertools
from typing import Any

import pytest
from given.scenario import Deed, Fault, World
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from simjob.api import names
from simjob.api.sweep.ranges import Ranges

# One case succeeds at once, one at its second attempt, one never.
SCRIPT = ((0,), (1, 0), (1, 1))
SPEC = {"retries": {"limit": 1}, "history": {"succeededCases": 1, "failedCases": 0}}

bounded = settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def undisturbed() -> World:
    return World(script=SCRIPT, spec=SPEC).run()


def cancel(world: World) -> None:
    """Cancel where no policy refuses it after the end."""
    world.patch(cancel=True, cancelReason="wrong mesh")


def cancel_unless_refused(world: World) -> None:
    """Cancel where the base's policy refuses it after the end."""
    if not world.status.get("isTerminal"):
        cancel(world)


def uncancel(world: World) -> None:
    world.patch(cancel=None)


def assert_cancelled(world: World) -> None:
    assert world.cluster.breaches == []
    finished = {index for index, ends in world.own_ends.items() if ends[-1] == 0}
    told = set(world.cluster.indexes("succeeded"))
    assert finished - world.cluster.untold <= told <= finished, "what had finished keeps its outcome"
    if world.status["phase"] != "CANCELLED":
        assert "cancellation" not in world.status, "the end came first"
        return
    assert world.cluster.live_pods() == []
    assert world.status["cancellation"].keys() >= {"requestedAt", "finishedAt"}


def left(world: World) -> dict[str, Any]:
    """Return what is there at rest: the status without the generation that it observed, and the children."""
    status = {key: value for key, value in world.status.items() if key != "observedGeneration"}
    status["conditions"] = [{**each, "observedGeneration": 0} for each in status["conditions"]]
    kinds = ("jobs", "pods", "configmaps")
    return {"status": status} | {
        kind: sorted(raw["metadata"]["name"] for raw in world.cluster.objects(kind)) for kind in kinds
    }


@pytest.mark.parametrize("deed", [cancel, cancel_unless_refused])
def test_a_cancel_at_any_write_ends_cancelled_or_arrives_after_the_end(undisturbed: World, deed: Deed) -> None:
    phases = []
    for number in range(1, undisturbed.writes + 1):
        world = World(script=SCRIPT, spec=SPEC, people={number: deed}).run()
        assert_cancelled(world)
        phases.append(world.status["phase"])
        if phases[-1] == "FAILED":
            assert left(world) == left(undisturbed), "a cancel after the end changes nothing"
    # Once it comes too late it always does: there is one moment that settles it.
    assert [phase for phase, _ in itertools.groupby(phases)] == ["CANCELLED", "FAILED"]


@bounded
@given(
    st.integers(1, 20),
    st.dictionaries(st.integers(1, 30), st.sampled_from(Fault), max_size=2),
    st.sampled_from([0.0, 0.3]),
    st.booleans(),
)
def test_a_cancel_is_carried_out_despite_errors_and_withdrawal(
    number: int, faults: dict[int, Fault], lag: float, taken_back: bool
) -> None:
    people: dict[int, Deed] = {number: cancel}
    if taken_back:
        people[number + 3] = uncancel
    assert_cancelled(World(script=SCRIPT, spec=SPEC, people=people, faults=faults, lag=(lag, 0.0, 0.0)).run())


def cancel_that_only_the_api_server_saw(world: World) -> None:
    """Cancels and takes it back in an instant: what is left is the annotation of the component attribution."""
    noted = {"annotations": {names.ANNOTATION_CANCEL_REQUESTED_BY: "anna"}}
    world.cluster.apply({"metadata": {"namespace": "default", "name": "sweep", **noted}})


def test_a_cancel_that_the_watch_has_not_shown_is_carried_out(undisturbed: World) -> None:
    phases = []
    for number in range(1, undisturbed.writes + 1):
        world = World(script=SCRIPT, spec=SPEC, people={number: cancel_that_only_the_api_server_saw}).run()
        assert_cancelled(world)
        phases.append(world.status["phase"])
        if phases[-1] == "CANCELLED":
            assert world.status["cancellation"]["requestedBy"] == "annotation simjob.dev/cancel-requested-by: anna"
    assert [phase for phase, _ in itertools.groupby(phases)] == ["CANCELLED", "FAILED"]


def cancel_cases(which: str | None) -> Deed:
    def deed(world: World) -> None:
        world.patch(cancelCases=which)

    return deed


def assert_cases_cancelled(world: World, which: Ranges) -> None:
    """Holds a world against what a cancel of these cases must lead to, whenever it came."""
    assert world.cluster.breaches == []
    ended = {index: ends[-1] for index, ends in world.own_ends.items()}
    succeeded, failed, cancelled = (world.cluster.indexes(outcome) for outcome in ("succeeded", "failed", "cancelled"))
    finished = {index for index, code in ended.items() if code == 0}
    assert finished - world.cluster.untold <= set(succeeded) <= finished
    assert not cancelled.minus(which), "no other case is cancelled"
    assert sorted((*succeeded, *failed, *cancelled)) == [0, 1, 2]
    assert world.cluster.live_pods() == []
    if "cancellation" in world.status:
        assert world.status["phase"] == "CANCELLED"
        assert not Ranges.span(3).minus(which), "all cases were named"
        assert world.status["cancellation"].keys() >= {"requestedAt", "finishedAt"}
    else:
        assert world.status["phase"] == ("FAILED" if failed else "COMPLETED")
        assert succeeded or failed


@pytest.mark.parametrize("which", ["0", "1-2"])
def test_cancelling_cases_at_any_write_affects_only_unfinished_named_cases(undisturbed: World, which: str) -> None:
    ends = []
    for number in range(1, undisturbed.writes + 1):
        world = World(script=SCRIPT, spec=SPEC, people={number: cancel_cases(which)}).run()
        assert_cases_cancelled(world, Ranges.parse(which))
        ends.append(len(world.cluster.indexes("cancelled")))
    assert (ends[0], ends[-1]) == (len(Ranges.parse(which)), 0)
    assert ends == sorted(ends, reverse=True), "the later it comes, the more had ended"


def test_cancelled_cases_have_no_live_pod_even_if_an_answer_is_lost(
    undisturbed: World,
) -> None:
    for number in range(1, undisturbed.writes + 1):
        lost = {number: Fault.FAIL_AFTER}
        world = World(script=SCRIPT, spec=SPEC, people={number: cancel_cases("0-1")}, faults=lost, lag=(0.0, 0.4, 0.0))
        assert_cases_cancelled(world.run(), Ranges.parse("0-1"))


@bounded
@given(
    st.integers(1, 25),
    st.sampled_from(["0", "1", "0,2", "0-2", "1-7"]),
    st.dictionaries(st.integers(1, 30), st.sampled_from(Fault), max_size=2),
    st.tuples(*[st.sampled_from([0.0, 0.3])] * 3),
    st.sampled_from([None, "taken back", "cancelled whole", "suspended"]),
)
def test_cases_are_cancelled_despite_errors_and_later_requests(
    number: int, which: str, faults: dict[int, Fault], lag: tuple[float, float, float], then: str | None
) -> None:
    def suspend(world: World) -> None:
        world.cluster.unseen |= {"succeeded", "failed", "cancelled"}
        world.patch(suspend=True)
        world.after(8, lambda: world.patch(suspend=False))

    people: dict[int, Deed] = {number: cancel_cases(which)}
    if then is not None:
        people[number + 2] = {"taken back": cancel_cases(None), "cancelled whole": cancel, "suspended": suspend}[then]
    world = World(script=SCRIPT, spec=SPEC, people=people, faults=faults, lag=lag).run()
    if then == "cancelled whole":
        assert_cancelled(world)
    else:
        assert_cases_cancelled(world, Ranges.parse(which))
