"""Creations at a time follow how soon the API server answers, and what it turns away."""

import asyncio
from contextlib import AsyncExitStack

import pytest
from simjob.runtime.errors import AlreadyExistsError, ClusterError, UnavailableError
from simjob.runtime.limiter import SOON, Limiter
from virtualtime import VirtualTimeLoop

LOOP = VirtualTimeLoop
MOST = 64


async def rounds(limiter: Limiter, number: int, seconds: float, failure: ClusterError | None = None) -> list[int]:
    """In each round as many requests as there are places, or one more, and one that waits; give the places after it."""

    async def call() -> None:
        await asyncio.sleep(seconds)
        if failure:
            raise failure

    found = []
    for _ in range(number):
        async with AsyncExitStack() as stack:
            for _ in range(int(limiter.limit)):
                await stack.enter_async_context(limiter.place())
            waits = asyncio.create_task(limiter.place().__aenter__())
            await asyncio.sleep(0)
            calls = [limiter.timed(call()) for _ in range(int(limiter.limit) + (limiter.limit % 1 > 0))]
            await asyncio.gather(*calls, return_exceptions=True)
            waits.cancel()
            await asyncio.gather(waits, return_exceptions=True)
        found.append(int(limiter.limit))
    return found


async def test_quick_answers_bring_more_places_up_to_the_most() -> None:
    assert await rounds(Limiter(MOST), 8, SOON / 10) == [20, 25, 31, 39, 48, 61, 64, 64]


async def test_answers_that_have_become_slow_bring_fewer() -> None:
    limiter = Limiter(MOST)
    await rounds(limiter, 8, SOON / 10)
    assert await rounds(limiter, 8, SOON * 2) == [51, 40, 32, 26, 20, 16, 16, 16]


async def test_answers_that_were_never_quicker_are_no_sign_of_load() -> None:
    assert await rounds(Limiter(MOST), 8, SOON * 2) == [20, 25, 31, 39, 48, 61, 64, 64]


async def test_an_answer_that_says_no_is_an_answer() -> None:
    assert await rounds(Limiter(MOST), 2, SOON / 10, AlreadyExistsError("is there")) == [20, 25]


async def test_a_burst_of_refusals_halves_them_once_and_never_brings_more() -> None:
    limiter = Limiter(MOST)
    await rounds(limiter, 8, SOON / 10)
    busy = UnavailableError("too many requests", code=429)
    assert await rounds(limiter, 3, 0.005, busy) == [32, 32, 32]
    await asyncio.sleep(1)
    assert await rounds(limiter, 1, 0.005, busy) == [16]
    await asyncio.sleep(1)
    assert await rounds(limiter, 1, 0.005, busy) == [16], "or nothing would find out that it has recovered"


async def test_places_that_nobody_waits_for_become_no_more() -> None:
    limiter = Limiter(MOST)
    for _ in range(100):
        async with limiter.place():
            limiter.answered(SOON / 10)
    assert limiter.limit == 16


@pytest.mark.parametrize("most", [1, 3])
async def test_a_small_limit_is_never_exceeded_and_everybody_gets_a_turn_in_order(most: int) -> None:
    limiter, at_once, worst, turns = Limiter(most), 0, 0, []

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
    assert (worst, turns) == (most, list(range(40)))


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
