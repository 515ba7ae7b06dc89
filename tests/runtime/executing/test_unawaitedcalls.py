import asyncio
from functools import partial

import pytest
from simjob.runtime.client.key import Key
from simjob.runtime.client.requestbudget import Budget, Kind
from simjob.runtime.executing.crew import Crew, Leaving
from simjob.runtime.executing.unawaitedcalls import UnawaitedCalls, stored
from worlds.virtualtime import VirtualTimeLoop

LOOP = VirtualTimeLoop
KEY = Key("default", "uid")


def now() -> float:
    return asyncio.get_running_loop().time()


def lasting(seconds: float) -> asyncio.Task[None]:
    return asyncio.create_task(asyncio.sleep(seconds))


def some_calls() -> tuple[UnawaitedCalls, list[Key]]:
    woken: list[Key] = []
    return UnawaitedCalls(woken.append), woken


async def work(calls: UnawaitedCalls, stops_at: float, ends_at: float = float("inf"), **seconds: float) -> float:
    """Let a crew make one call of each kind that lasts this long; give how long it waited.

    At `stops_at` some cases are to stop, at `ends_at` all.
    """
    start = now()
    groups = {Kind[kind]: [partial(asyncio.sleep, lasts)] for kind, lasts in seconds.items()}
    leaving = Leaving(calls, lambda: now() >= ends_at)
    await Crew(Budget(16), KEY, groups, lambda: now() >= stops_at, leaving).work()
    return now() - start


async def test_a_pass_waits_for_its_calls() -> None:
    calls, woken = some_calls()
    assert await work(calls, now() + 100, PROGRESS=3, CREATION=5) == pytest.approx(5)
    assert woken == []


async def test_a_pass_abandons_creations_at_once_when_every_case_stops() -> None:
    calls, woken = some_calls()
    assert await work(calls, now() + 2, PROGRESS=1, CREATION=30) < 2.3
    await asyncio.sleep(29)
    assert woken == [KEY], "what is left goes on, and its end is heard of"


async def test_a_pass_waits_for_other_calls_while_some_cases_continue() -> None:
    calls, _ = some_calls()
    assert await work(calls, now() + 1, PROGRESS=14, CREATION=3) == pytest.approx(14)


async def test_a_pass_abandons_all_calls_when_every_case_stops() -> None:
    calls, woken = some_calls()
    assert await work(calls, now() + 2, now() + 2, PROGRESS=14, CREATION=3) < 2.3
    await asyncio.sleep(13)
    assert woken == [KEY, KEY]


async def test_a_pass_continues_after_ten_seconds_without_an_answer() -> None:
    calls, _ = some_calls()
    assert 10 <= await work(calls, now() + 100, CREATION=60) < 10.3


async def test_abandoned_calls_get_one_second_before_they_are_cancelled() -> None:
    calls, woken = some_calls()
    soon, late = lasting(0.5), lasting(60)
    calls.leave(KEY, soon)
    calls.leave(KEY, late)
    start = now()
    await calls.settle(KEY)
    assert now() - start == pytest.approx(1)
    assert (soon.cancelled(), late.cancelled(), woken) == (False, True, [KEY])


async def test_no_call_outlives_the_executor() -> None:
    calls, _ = some_calls()
    creation = lasting(60)
    calls.leave(KEY, creation)
    calls.close()
    with pytest.raises(asyncio.CancelledError):
        await creation


async def test_a_defect_in_an_abandoned_call_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def fail() -> None:
        await asyncio.sleep(1)
        raise ZeroDivisionError

    calls, _ = some_calls()
    calls.leave(KEY, asyncio.create_task(fail()))
    await asyncio.sleep(2)
    assert caplog.messages == ["a call failed by a bug in the operator"]


async def test_a_stop_abandons_a_status_write() -> None:
    start = now()
    assert await stored(asyncio.sleep(40, "stored"), lambda: now() >= start + 3, None) is None
    assert now() - start < 3.3


async def test_pods_are_stopped_two_seconds_after_an_unanswered_latch() -> None:
    times: list[float] = []
    start = now()

    async def stop() -> None:
        times.append(now() - start)

    assert await stored(asyncio.sleep(5, "stored"), lambda: True, stop) == "stored"
    assert times == [pytest.approx(2.0, abs=0.3)]
