"""The calls of a pass: in their order, with few tasks, and without waiting for slots that nobody needs."""

import asyncio
from collections.abc import Callable

from simjob.runtime.client.key import Key
from simjob.runtime.client.requestbudget import Budget, Kind
from simjob.runtime.executing.crew import Call, Crew
from worlds.virtualtime import VirtualTimeLoop

LOOP = VirtualTimeLoop
KEY, OTHER = Key("ns", "sweep"), Key("ns", "other")


class Calls:
    """Calls that take a second each; `made` has them in the order in which they began."""

    def __init__(self) -> None:
        self.made: list[str] = []
        self.tasks = 0

    def of(self, *names: str) -> list[Call]:
        return [self._call(name) for name in names]

    def _call(self, name: str) -> Call:
        async def call() -> None:
            self.made.append(name)
            self.tasks = max(self.tasks, len(asyncio.all_tasks()))
            await asyncio.sleep(1)

        return call


def never() -> bool:
    return False


def after(made: list[str], number: int) -> Callable[[], bool]:
    return lambda: len(made) >= number


async def test_calls_of_one_kind_run_in_order_and_kinds_run_concurrently() -> None:
    calls, started = Calls(), asyncio.get_running_loop().time()
    rows = {Kind.HOUSEKEEPING: calls.of("a", "b", "c"), Kind.PROGRESS: calls.of("x", "y")}
    await Crew(Budget(4), KEY, rows, never).work()
    assert [name for name in calls.made if name in "abc"] == ["a", "b", "c"]
    assert [name for name in calls.made if name in "xy"] == ["x", "y"]
    assert asyncio.get_running_loop().time() == started + 3


async def test_the_number_of_tasks_never_exceeds_the_slots() -> None:
    calls = Calls()
    await Crew(Budget(16), KEY, {Kind.PROGRESS: calls.of(*map(str, range(1000)))}, never).work()
    assert (len(calls.made), calls.tasks) == (1000, 5)


async def test_after_a_stop_only_calls_under_way_finish() -> None:
    calls, started = Calls(), asyncio.get_running_loop().time()
    rows = {Kind.PROGRESS: calls.of("a", "b", "c"), Kind.HOUSEKEEPING: calls.of("x", "y")}
    await Crew(Budget(8), KEY, rows, after(calls.made, 2)).work()
    assert calls.made == ["a", "b"]
    assert asyncio.get_running_loop().time() == started + 1


async def test_a_stop_ends_the_wait_for_slots() -> None:
    budget, calls, started = Budget(4), Calls(), asyncio.get_running_loop().time()

    def stops() -> bool:
        return asyncio.get_running_loop().time() > started + 5

    async with budget.place(Kind.PROGRESS, OTHER):
        await Crew(budget, KEY, {Kind.PROGRESS: calls.of("a", "b")}, stops).work()
    assert calls.made == []
    assert asyncio.get_running_loop().time() < started + 5.5
