"""The number of concurrent creations follows the latency of the API server, and its 429 responses."""

import asyncio

from simjob.runtime.client.adaptivelimit import CREATIONS, DELETIONS, Limiter
from simjob.runtime.client.errors import AlreadyExistsError, ClusterError, UnavailableError
from worlds.virtualtime import VirtualTimeLoop

LOOP = VirtualTimeLoop
MOST = 64
SOON = CREATIONS.soon


async def rounds(limiter: Limiter, number: int, seconds: float, failure: ClusterError | None = None) -> list[int]:
    """In each round as many requests as there are places, or one more, while another waits; give the limit after it."""

    async def call() -> None:
        await asyncio.sleep(seconds)
        if failure:
            raise failure

    found = []
    for _ in range(number):
        limiter.wanted()
        calls = [limiter.timed(call()) for _ in range(int(limiter.limit) + (limiter.limit % 1 > 0))]
        await asyncio.gather(*calls, return_exceptions=True)
        found.append(int(limiter.limit))
    return found


async def test_fast_answers_raise_the_limit_up_to_the_maximum() -> None:
    assert await rounds(Limiter(MOST, CREATIONS), 8, SOON / 10) == [20, 25, 31, 39, 48, 61, 64, 64]


async def test_slower_answers_lower_the_limit() -> None:
    limiter = Limiter(MOST, CREATIONS)
    await rounds(limiter, 8, SOON / 10)
    assert await rounds(limiter, 8, SOON * 2) == [51, 40, 32, 26, 20, 16, 16, 16]


async def test_constantly_slow_answers_are_no_sign_of_load() -> None:
    assert await rounds(Limiter(MOST, CREATIONS), 8, SOON * 2) == [20, 25, 31, 39, 48, 61, 64, 64]


async def test_a_refusal_counts_as_an_answer() -> None:
    assert await rounds(Limiter(MOST, CREATIONS), 2, SOON / 10, AlreadyExistsError("is there")) == [20, 25]


async def test_a_burst_of_overload_errors_halves_the_limit_once() -> None:
    limiter = Limiter(MOST, CREATIONS)
    await rounds(limiter, 8, SOON / 10)
    busy = UnavailableError("too many requests", code=429)
    assert await rounds(limiter, 3, 0.005, busy) == [32, 32, 32]
    await asyncio.sleep(1)
    assert await rounds(limiter, 1, 0.005, busy) == [16]
    await asyncio.sleep(1)
    assert await rounds(limiter, 1, 0.005, busy) == [16], "or nothing would find out that it has recovered"


async def test_an_unused_limit_does_not_grow() -> None:
    limiter = Limiter(MOST, CREATIONS)
    for _ in range(100):
        limiter.answered(SOON / 10)
    assert limiter.limit == 16


async def test_the_limit_of_deletions_starts_low_and_grows_fast() -> None:
    assert await rounds(Limiter(120, DELETIONS), 5, DELETIONS.soon / 2) == [16, 32, 64, 120, 120]


async def test_slow_deletions_still_reach_their_minimum() -> None:
    limiter = Limiter(120, DELETIONS)
    await rounds(limiter, 1, DELETIONS.soon / 10)
    limiter.rested()
    assert await rounds(limiter, 4, DELETIONS.soon * 3) == [16, 32, 32, 32]


async def test_slow_deletions_lower_the_limit_to_their_minimum() -> None:
    limiter = Limiter(120, DELETIONS)
    await rounds(limiter, 5, DELETIONS.soon / 10)
    assert await rounds(limiter, 8, DELETIONS.soon * 3) == [96, 76, 61, 49, 39, 32, 32, 32]


async def test_an_idle_limiter_starts_over() -> None:
    limiter = Limiter(120, DELETIONS)
    await rounds(limiter, 5, DELETIONS.soon / 10)
    limiter.rested()
    assert limiter.limit == 8
