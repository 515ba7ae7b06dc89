"""Creations at a time follow how soon the API server answers, and what it turns away."""

import asyncio
from contextlib import AsyncExitStack

import pytest
from simjob.runtime.limiter import SOON, Limiter

MOST = 64


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


async def answers(limiter: Limiter, number: int, seconds: float) -> None:
    """Ask for one place more than there are, then get so many answers that took so long."""
    async with AsyncExitStack() as stack:
        for _ in range(int(limiter.limit)):
            await stack.enter_async_context(limiter.place())
        one_more = asyncio.create_task(limiter.place().__aenter__())
        await asyncio.sleep(0)
        one_more.cancel()
        await asyncio.gather(one_more, return_exceptions=True)
        for _ in range(number):
            limiter.answered(seconds)


@pytest.mark.parametrize(
    ("seconds", "holds"),
    [(SOON / 10, [16, 20, 25, 31, 39, 48, 61, 64, 64]), (SOON * 2, [16, 12, 10, 8, 6, 5, 4, 4])],
)
async def test_quick_answers_bring_more_places_and_slow_ones_fewer(seconds: float, holds: list[int]) -> None:
    limiter, found = Limiter(MOST), []
    for _ in holds:
        found.append(int(limiter.limit))
        await answers(limiter, int(limiter.limit) + 1, seconds)
    assert found == holds


async def test_places_that_nobody_waits_for_become_no_more() -> None:
    limiter = Limiter(MOST)
    for _ in range(100):
        async with limiter.place():
            limiter.answered(SOON / 10)
    assert limiter.limit == 16


async def test_one_burst_of_refusals_halves_them_once() -> None:
    clock = Clock()
    limiter = Limiter(MOST, clock)
    for _ in range(50):
        limiter.refused()
    assert limiter.limit == 8
    clock.now += 1
    limiter.refused()
    assert limiter.limit == 4
    clock.now += 1
    limiter.refused()
    assert limiter.limit == 4, "or nothing would find out that the API server has recovered"


async def test_a_small_limit_is_never_exceeded_and_everybody_gets_a_turn_in_order() -> None:
    limiter, at_once, worst, turns = Limiter(3), 0, 0, []

    async def one(number: int) -> None:
        nonlocal at_once, worst
        async with limiter.place():
            at_once += 1
            worst = max(worst, at_once)
            turns.append(number)
            await asyncio.sleep(0)
            at_once -= 1
            limiter.answered(SOON / 10)

    await asyncio.gather(*(one(number) for number in range(40)))
    assert (worst, turns) == (3, list(range(40)))


async def test_who_gives_up_waiting_leaves_the_place_to_the_next() -> None:
    limiter = Limiter(1)
    first = limiter.place()
    await first.__aenter__()
    waiting = [asyncio.create_task(limiter.place().__aenter__()) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    await first.__aexit__(None, None, None)
    waiting[1].cancel()  # It has been given the place already, and does not know yet.
    await asyncio.wait_for(waiting[2], 1)
    assert [task.cancelled() for task in waiting] == [True, True, False]
