import asyncio
import random

import pytest
from simjob.runtime.client.key import Key
from simjob.runtime.store.workqueue import WorkQueue
from worlds.virtualtime import VirtualTimeLoop

LOOP = VirtualTimeLoop

A, B, C = (Key("default", uid) for uid in "abc")


def a_queue() -> WorkQueue:
    return WorkQueue(first_delay=1.0, longest_delay=8.0, jitter=lambda: 0.0)


async def test_a_key_that_is_added_twice_is_handed_out_once() -> None:
    queue = a_queue()
    queue.add(A)
    queue.add(A)
    assert await queue.get() == A
    assert len(queue) == 0


async def test_keys_come_in_the_order_in_which_they_were_added() -> None:
    queue = a_queue()
    for key in (B, A, C):
        queue.add(key)
    assert [await queue.get() for _ in range(3)] == [B, A, C]


async def test_an_urgent_key_comes_first() -> None:
    queue = a_queue()
    queue.add(A)
    queue.add_urgent(B)
    assert await queue.get() == B


async def test_a_waiting_key_that_becomes_urgent_moves_ahead_and_is_handed_out_once() -> None:
    queue = a_queue()
    queue.add(A)
    queue.add(B)
    queue.add_urgent(B)
    queue.add(B)
    assert [await queue.get() for _ in range(2)] == [B, A]
    assert len(queue) == 0


async def test_a_key_that_is_being_worked_on_is_not_handed_to_a_second_worker() -> None:
    queue = a_queue()
    queue.add(A)
    await queue.get()
    queue.add(A)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(queue.get(), 100)


async def test_a_key_added_during_its_work_is_handed_out_again() -> None:
    queue = a_queue()
    queue.add(A)
    await queue.get()
    queue.add(A)
    queue.done(A)
    assert await queue.get() == A


async def test_a_key_that_became_urgent_during_its_work_comes_first_next() -> None:
    queue = a_queue()
    queue.add(A)
    await queue.get()
    queue.add(B)
    queue.add_urgent(A)
    queue.add(A)
    queue.done(A)
    assert await queue.get() == A


async def test_a_key_not_added_during_its_work_is_not_handed_out_again() -> None:
    queue = a_queue()
    queue.add(A)
    queue.done(await queue.get())
    assert len(queue) == 0


async def test_a_waiting_worker_gets_a_key_as_soon_as_there_is_one() -> None:
    queue = a_queue()
    worker = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    queue.add(A)
    assert await worker == A


async def test_several_waiting_workers_get_different_keys() -> None:
    queue = a_queue()
    workers = [asyncio.create_task(queue.get()) for _ in range(3)]
    await asyncio.sleep(0)
    for key in (A, B, C):
        queue.add(key)
    assert set(await asyncio.gather(*workers)) == {A, B, C}


async def test_the_earliest_of_several_times_wins() -> None:
    queue, loop = a_queue(), asyncio.get_running_loop()
    started = loop.time()
    queue.add_after(A, 30)
    queue.add_after(A, 10)
    queue.add_after(A, 20)
    await queue.get()
    queue.done(A)
    assert loop.time() - started == pytest.approx(10)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(queue.get(), 100)


def test_delays_double_up_to_a_maximum() -> None:
    assert [a_queue().delay(failures) for failures in (0, 1, 2, 3, 4, 10_000)] == [1, 2, 4, 8, 8, 8]


def test_jitter_shortens_delays_by_up_to_a_quarter() -> None:
    assert WorkQueue(first_delay=1.0, jitter=lambda: 1.0).delay(0) == 0.75


async def test_a_worker_cancelled_while_waiting_loses_no_key() -> None:
    queue = a_queue()
    worker = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    queue.add(A)
    worker.cancel()
    await asyncio.gather(worker, return_exceptions=True)
    assert len(queue) == 1


async def test_an_urgent_only_worker_takes_no_other_key() -> None:
    queue = a_queue()
    worker = asyncio.create_task(queue.get(urgent_only=True))
    await asyncio.sleep(0)
    queue.add(A)
    await asyncio.sleep(1)
    assert not worker.done()
    queue.add_urgent(B)
    assert await worker == B


async def test_a_key_moves_to_another_worker_if_its_worker_took_an_urgent_one() -> None:
    queue = a_queue()
    workers = [asyncio.create_task(queue.get()) for _ in range(2)]
    urgent = asyncio.create_task(queue.get(urgent_only=True))
    await asyncio.sleep(0)
    queue.add(A)
    queue.add_urgent(B)
    assert set(await asyncio.gather(*workers)) == {A, B}
    urgent.cancel()


@pytest.mark.parametrize("seed", range(20))
async def test_no_key_waits_while_a_suitable_worker_is_idle(seed: int) -> None:
    chance, queue, worked = random.Random(seed), a_queue(), list[Key]()  # noqa: S311

    async def work(*, urgent_only: bool) -> None:
        while True:
            key = await queue.get(urgent_only=urgent_only)
            try:
                await asyncio.sleep(chance.choice([0, 0, 0.5]))
                worked.append(key)
            finally:
                queue.done(key)

    workers = [asyncio.create_task(work(urgent_only=index > 2)) for index in range(6)]
    for index in range(200):
        (queue.add_urgent if chance.random() < 0.3 else queue.add)(Key("ns", str(index)))
        if chance.random() < 0.5:
            await asyncio.sleep(chance.choice([0, 0, 1]))
        if chance.random() < 0.1:
            place = chance.randrange(6)
            workers[place].cancel()
            workers[place] = asyncio.create_task(work(urgent_only=place > 2))
    await asyncio.sleep(200)
    assert len(queue) == 0
    for worker in workers:
        worker.cancel()


async def test_a_delay_too_small_for_a_timer_causes_no_busy_loop() -> None:
    queue = WorkQueue()
    loop = asyncio.get_running_loop()
    start = loop.time()
    queue.add_after(A, 1e-13)
    assert await queue.get() == A
    assert loop.time() - start == pytest.approx(0.001)
