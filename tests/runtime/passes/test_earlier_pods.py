"""A case that still runs in a pod of an earlier SimulationJob of the same name does not run a second time."""

import asyncio
from collections.abc import Sequence

from simjob.core.facts.pods import PodFact
from simjob.runtime.client.errors import UnavailableError
from worlds.oneoperator import OneOperator
from worlds.virtualtime import VirtualTimeLoop

LOOP = VirtualTimeLoop


async def left_behind(one: OneOperator, cases: int = 2) -> list[str]:
    """Leave running pods of a SimulationJob that is gone, with no operator; return their names."""
    one.apply(cases={"count": cases})
    async with one.operator():
        one.run_pods()
        await asyncio.sleep(2)
    one.cluster.remove("simulationjobs", "default", "sweep")
    one.cluster.disown("jobs", "default")
    return one.pods()


async def test_the_case_of_an_earlier_pod_waits_while_others_start(one: OneOperator) -> None:
    first, second = await left_behind(one)
    one.apply(cases={"count": 3})
    async with one.operator():
        await asyncio.sleep(10)
        (new,) = set(one.pods()) - {first, second}
        assert "-2-0-0" in new, "the case that nothing runs"
        assert one.status["reason"] == "EarlierPodRuns"
        assert f"case 0 still runs in pod {first} of an earlier SimulationJob of this name" in one.status["message"]
        assert "other cases wait for the same" in one.status["message"]
        one.cluster.end_pod("default", first)
        await asyncio.sleep(5)
        assert len(one.pods()) == 4
        one.cluster.end_pod("default", second)
        await asyncio.sleep(5)
        assert len(one.pods()) == 5
        looks = len(one.times("list_earlier_pods"))
        await asyncio.sleep(600)
        assert len(one.times("list_earlier_pods")) == looks, "when none is left, nobody looks any more"


async def test_a_cancel_does_not_wait_for_an_earlier_pod(one: OneOperator) -> None:
    left = await left_behind(one)
    one.apply(cases={"count": 2})
    async with one.operator():
        await one.patch(cancel=True)
        await asyncio.sleep(2)
        assert one.status["phase"] == "CANCELLED"
        assert one.pods() == left


async def test_nothing_starts_until_earlier_pods_are_listed(one: OneOperator) -> None:
    one.apply(cases={"count": 2})
    one.cluster.refuse("list_earlier_pods", *[UnavailableError("no answer")] * 3)
    async with one.operator():
        await asyncio.sleep(0.1)
        assert one.pods() == []
        await asyncio.sleep(60)
        assert len(one.pods()) == 2


async def test_a_cancel_does_not_wait_for_a_failing_list_of_earlier_pods(one: OneOperator) -> None:
    left = await left_behind(one)
    one.apply(cases={"count": 5})
    async with one.operator():
        await asyncio.sleep(2)
        assert len(one.pods()) == 5
        one.cluster.refuse("list_earlier_pods", *[UnavailableError("no answer")] * 300)
        await asyncio.sleep(4)
        await one.patch(cancel=True)
        await asyncio.sleep(2)
        assert one.status["phase"] == "CANCELLED"
        assert one.pods() == left


def hang(one: OneOperator) -> None:
    """Leave every LIST of earlier pods unanswered."""

    async def never(namespace: str, name_label: str, owner_uid: str) -> Sequence[PodFact]:
        one.cluster._enter("list_earlier_pods")
        await asyncio.sleep(3600)
        return []

    one.cluster.list_earlier_pods = never  # type: ignore[method-assign]


async def test_a_cancel_does_not_wait_for_a_hanging_list_of_earlier_pods(one: OneOperator) -> None:
    left = await left_behind(one)
    one.apply(cases={"count": 5})
    async with one.operator():
        await asyncio.sleep(2)
        hang(one)
        await asyncio.sleep(4)
        assert len(one.pods()) == 5
        await one.patch(cancel=True)
        await asyncio.sleep(1)
        assert one.status["phase"] == "CANCELLED"
        assert one.pods() == left


async def test_a_cancel_does_not_wait_for_a_hanging_first_list_of_earlier_pods(one: OneOperator) -> None:
    left = await left_behind(one)
    one.apply(cases={"count": 5})
    hang(one)
    one.calls.clear()
    async with one.operator():
        await asyncio.sleep(4)
        await one.patch(cancel=True)
        await asyncio.sleep(1)
        assert one.status["phase"] == "CANCELLED"
        assert one.pods() == left
        assert len(one.times("list_earlier_pods")) == 1


async def test_earlier_pods_are_listed_after_a_withdrawn_cancel(one: OneOperator) -> None:
    left = await left_behind(one)
    one.apply(cases={"count": 3}, cancel=True)
    one.cluster.refuse("patch_simulationjob_status", *[UnavailableError("no answer")] * 2)
    one.calls.clear()
    async with one.operator():
        assert one.times("list_earlier_pods") == [], "a cancel needs none of them"
        await one.patch(cancel=None)
        await asyncio.sleep(10)
        (new,) = set(one.pods()) - {*left}
        assert "-2-0-0" in new, "the case that nothing runs"


async def test_other_cases_continue_while_earlier_pods_cannot_be_listed(one: OneOperator) -> None:
    first, second = await left_behind(one)
    one.apply(cases={"count": 3})
    async with one.operator():
        await asyncio.sleep(2)
        (new,) = set(one.pods()) - {first, second}
        one.cluster.refuse("list_earlier_pods", *[UnavailableError("no answer")] * 5)
        await asyncio.sleep(4)
        one.run_pods(new)
        one.cluster.end_pod("default", new)
        await asyncio.sleep(5)
        assert one.status["cases"]["succeeded"] == 1
        one.cluster.end_pod("default", first)
        await asyncio.sleep(60)
        assert len(one.pods()) == 4
