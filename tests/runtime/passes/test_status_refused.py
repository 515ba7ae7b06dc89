"""What must stop is stopped although the status cannot be written, and nothing new is created meanwhile."""

import asyncio

import pytest
from simjob.runtime.client import errors
from worlds.fakerules import timestamp
from worlds.oneoperator import OneOperator
from worlds.virtualtime import VirtualTimeLoop

LOOP = VirtualTimeLoop
STATUS = "patch_simulationjob_status"
DENIED = errors.ForbiddenError("simulationjobs.simjob.dev is forbidden: no status today", code=403)
TOO_LARGE = errors.InvalidError("Request entity too large: limit is 3145728", code=413)


def refuse(one: OneOperator, error: Exception, times: int = 100_000) -> None:
    one.cluster.refuse(STATUS, *[error] * times)


def accept(one: OneOperator) -> None:
    one.cluster._refusals.clear()


async def run_all(one: OneOperator) -> None:
    one.run_pods(startTime=timestamp(one.clock()))
    await asyncio.sleep(2)


def stopping(one: OneOperator) -> list[str]:
    """Return the indexes of the pods that were asked to stop."""
    pods = [raw["metadata"] for raw in one.cluster.objects("pods")]
    return sorted(meta["labels"]["simjob.dev/index"] for meta in pods if "deletionTimestamp" in meta)


def end_stopping(one: OneOperator) -> None:
    for raw in list(one.cluster.objects("pods")):
        if "deletionTimestamp" in raw["metadata"]:
            one.cluster.end_pod("default", raw["metadata"]["name"], 143)


def events(one: OneOperator) -> list[str]:
    return [event.reason for event in one.cluster.events]


@pytest.mark.parametrize("error", [DENIED, TOO_LARGE, errors.UnavailableError("no answer", code=500)])
async def test_a_cancel_stops_pods_after_three_refused_writes_and_is_latched_later(
    one: OneOperator, error: Exception
) -> None:
    one.apply(cases={"count": 4}, parallelism=2)
    async with one.operator():
        await run_all(one)
        refuse(one, error)
        one.calls.clear()
        await one.patch(cancel=True, cancelReason="wrong mesh")
        await asyncio.sleep(1)
        assert stopping(one) == ["0", "1"]
        before = [call for _, call in one.calls][: [call for _, call in one.calls].index("delete_pod")]
        assert before.count(STATUS) == 3
        end_stopping(one)
        await asyncio.sleep(60)
        assert (one.times("create_job"), one.times("create_pod")) == ([], [])
        assert "cancellation" not in one.status
        accept(one)
        await asyncio.sleep(11)
        assert (one.status["phase"], one.status["cancelledIndexes"]) == ("CANCELLED", "0-3")
        assert one.status["cancellation"]["reason"] == "wrong mesh"


async def test_a_cancel_is_latched_first_if_the_third_write_succeeds(one: OneOperator) -> None:
    one.apply(cases={"count": 2})
    async with one.operator():
        await run_all(one)
        refuse(one, DENIED, times=2)
        one.calls.clear()
        await one.patch(cancel=True)
        await asyncio.sleep(1)
        calls = [call for _, call in one.calls if call in (STATUS, "delete_pod")]
        assert calls == [STATUS] * 3 + ["delete_pod"] * 2


async def test_a_cancel_does_not_wait_for_the_back_off_of_an_earlier_status(one: OneOperator) -> None:
    one.apply(cases={"count": 2})
    async with one.operator():
        refuse(one, DENIED)
        await run_all(one)
        await asyncio.sleep(100)
        assert stopping(one) == []
        await one.patch(cancel=True)
        await asyncio.sleep(0.5)
        assert stopping(one) == ["0", "1"]


async def test_cancel_cases_stops_their_pods_and_no_others(one: OneOperator) -> None:
    one.apply(cases={"count": 3})
    async with one.operator():
        await run_all(one)
        refuse(one, DENIED)
        await one.patch(cancelCases="1")
        await asyncio.sleep(1)
        assert stopping(one) == ["1"]
        end_stopping(one)
        await asyncio.sleep(30)
        accept(one)
        await asyncio.sleep(11)
        assert (stopping(one), one.status["cancelledIndexes"]) == ([], "1")
        assert one.status["cases"]["running"] == 2


async def test_a_suspension_stops_pods_despite_refused_status_writes(one: OneOperator) -> None:
    one.apply(cases={"count": 2})
    async with one.operator():
        await run_all(one)
        refuse(one, DENIED)
        await one.patch(suspend=True)
        await asyncio.sleep(1)
        assert stopping(one) == ["0", "1"]


async def test_cases_stopped_by_a_cancel_withdrawn_before_its_latch_start_again(
    one: OneOperator,
) -> None:
    one.apply(cases={"count": 2})
    async with one.operator():
        await run_all(one)
        refuse(one, DENIED)
        await one.patch(cancel=True)
        await asyncio.sleep(1)
        await one.patch(cancel=None)
        end_stopping(one)
        await asyncio.sleep(30)
        assert one.pods() == [], "nothing starts while nothing can be written down"
        accept(one)
        await asyncio.sleep(30)
        assert len(one.pods()) == 2
        assert "cancellation" not in one.status


async def test_one_event_reports_why_status_writes_are_refused(one: OneOperator) -> None:
    one.apply(cases={"count": 2})
    async with one.operator():
        refuse(one, DENIED)
        await run_all(one)
        await asyncio.sleep(200)
        assert events(one).count("StatusRefused") == 1
        event = next(event for event in one.cluster.events if event.reason == "StatusRefused")
        assert (event.type, DENIED.message in event.note) == ("Warning", True)
        accept(one)
        await asyncio.sleep(11)
        assert one.status["phase"] == "RUNNING"
        refuse(one, DENIED)
        await one.patch(suspend=True)
        await asyncio.sleep(70)
        assert events(one).count("StatusRefused") == 2


async def test_only_a_long_outage_emits_an_event(one: OneOperator) -> None:
    one.apply(cases={"count": 2})
    async with one.operator():
        refuse(one, errors.UnavailableError("no answer"))
        await run_all(one)
        await asyncio.sleep(10)
        assert "StatusRefused" not in events(one)
        await asyncio.sleep(20)
        assert events(one).count("StatusRefused") == 1
