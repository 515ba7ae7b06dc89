"""A cancel while no plan can be made: the children cannot be listed, or a defect makes each pass fail."""

import asyncio
from typing import Any

import pytest
from given.outcomes import outcomes_of
from simjob.core import planner
from simjob.core.plan import Plan
from simjob.runtime.client import errors
from simjob.runtime.client.key import Key
from worlds.oneoperator import OneOperator
from worlds.virtualtime import VirtualTimeLoop

LOOP = VirtualTimeLoop
DENIED = errors.ForbiddenError('cannot list resource "jobs"', code=403, reason="Forbidden")


def stopping(one: OneOperator) -> int:
    return len([raw for raw in one.cluster.objects("pods") if "deletionTimestamp" in raw["metadata"]])


async def test_a_cancel_is_latched_while_the_children_cannot_be_listed(one: OneOperator) -> None:
    one.apply(cases={"count": 2})
    async with one.operator():
        one.run_pods()
        await asyncio.sleep(5)
    one.cluster.refuse("list_jobs", *[DENIED] * 1000)
    async with one.operator():
        for pod in one.pods():
            one.cluster.set_pod("default", pod, hostIP="10.0.0.1")
        await asyncio.sleep(20)
        outcomes, counts = outcomes_of(one.status), one.status["cases"]
        await one.patch(cancel=True)
        await asyncio.sleep(60)
        assert stopping(one) == 2
        assert (one.status["phase"], outcomes_of(one.status), one.status["cases"]) == ("CANCELLING", outcomes, counts)
        for pod in one.pods():
            one.cluster.end_pod("default", pod, 143)
        await one.patch(cancel=None)
        one.cluster._refusals.clear()
        one.calls.clear()
        await asyncio.sleep(60)
        assert one.times("create_pod") == []
        assert one.status["phase"] == "CANCELLED"


def _broken(*_: Any) -> Plan:
    raise ZeroDivisionError("division by zero")


class TestADefect:
    @pytest.fixture
    def defect(self, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
        """Make every plan fail until `undo`."""
        monkeypatch.setattr(planner, "plan", _broken)
        return monkeypatch

    @pytest.fixture
    async def running(self, one: OneOperator) -> OneOperator:
        """Give a sweep with three running pods, whose operator has gone."""
        one.apply(cases={"count": 3})
        async with one.operator():
            one.run_pods()
            await asyncio.sleep(5)
        return one

    async def test_in_a_pass_does_not_keep_a_cancel_from_stopping_the_pods(
        self, running: OneOperator, defect: pytest.MonkeyPatch
    ) -> None:
        one = running
        async with one.operator():
            await asyncio.sleep(60)
            assert stopping(one) == 0, "nobody asked to stop anything"
            await one.patch(cancel=True)
            await asyncio.sleep(0.5)
            assert stopping(one) == 3
            await asyncio.sleep(60)
            assert len(one.times("delete_pod")) == 3
            assert (one.status["phase"], one.status["cancellation"]["stopping"]) == ("CANCELLING", 3)
            await one.patch(cancel=None)
            defect.undo()
            for pod in one.pods():
                one.cluster.end_pod("default", pod, 143)
            await asyncio.sleep(60)
            assert one.status["phase"] == "CANCELLED"

    async def test_stops_nothing_for_a_cancel_after_the_end(self, one: OneOperator, defect: pytest.MonkeyPatch) -> None:
        one.apply(cases={"count": 2})
        defect.undo()
        async with one.operator():
            one.run_pods()
            for pod in one.pods():
                one.cluster.end_pod("default", pod, 0)
            await asyncio.sleep(5)
        before = one.status
        assert before["phase"] == "COMPLETED"
        defect.setattr(planner, "plan", _broken)
        async with one.operator():
            await one.patch(cancel=True)
            await asyncio.sleep(60)
            assert one.status == before
            assert one.times("delete_pod") == one.times("delete_job") == []

    async def test_with_a_refused_status_write_still_stops_the_pods(
        self, running: OneOperator, defect: pytest.MonkeyPatch
    ) -> None:
        one = running
        one.cluster.refuse("patch_simulationjob_status", *[errors.ForbiddenError("denied", code=403)] * 1000)
        async with one.operator():
            await one.patch(cancel=True)
            await asyncio.sleep(1)
            assert stopping(one) == 3

    async def test_with_an_unanswered_status_write_still_stops_the_pods(
        self, running: OneOperator, defect: pytest.MonkeyPatch
    ) -> None:
        one = running

        async def hangs(*_: Any) -> str:
            await asyncio.sleep(40)
            raise errors.UnavailableError("no answer")

        defect.setattr(one.cluster, "patch_simulationjob_status", hangs)
        async with one.operator():
            await one.patch(cancel=True)
            await asyncio.sleep(3)
            assert (stopping(one), len(one.times("delete_pod"))) == (3, 3)

    async def test_in_the_latch_still_stops_the_pods(
        self, running: OneOperator, defect: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        one = running
        one.cluster.refuse("patch_simulationjob_status", *[ZeroDivisionError()] * 1000)
        async with one.operator():
            await one.patch(cancel=True)
            await asyncio.sleep(1)
            assert stopping(one) == 3
        assert "stopping pods failed by a bug in the operator; trying again" in caplog.messages

    async def test_is_logged_and_posted_once_and_backs_off(
        self, running: OneOperator, defect: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        one = running
        async with one.operator():
            await one.patch(cancel=True)
            await asyncio.sleep(300)
            (event,) = [event for event in one.cluster.events if event.reason == "OperatorDefect"]
            assert event.type == "Warning"
            assert event.note.endswith("with the operator's log: ZeroDivisionError: division by zero")
        assert 10 <= caplog.messages.count("a bug in the operator; trying again") <= 40

    async def test_causes_no_tight_loop_while_creations_are_refused(
        self, one: OneOperator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        one.apply(cases={"count": 3}, parallelism=3)
        one.cluster.refuse("create_pod", errors.ForbiddenError("exceeded quota", code=403))
        async with one.operator():
            await asyncio.sleep(0.5)
            passes = 0
            get = one.queue.get

            async def counted(**keywords: Any) -> Key:
                nonlocal passes
                key = await get(**keywords)
                passes += 1
                if passes > 300:
                    raise asyncio.CancelledError
                return key

            monkeypatch.setattr(one.queue, "get", counted)
            monkeypatch.setattr(planner, "plan", lambda *_: 1 // 0)
            await one.patch(cancel=True)
            await asyncio.sleep(60)
            assert passes < 100

    async def test_in_a_single_pass_emits_no_event(self, running: OneOperator, defect: pytest.MonkeyPatch) -> None:
        one = running
        async with one.operator():
            defect.undo()
            await asyncio.sleep(60)
            assert "OperatorDefect" not in {event.reason for event in one.cluster.events}


async def test_the_smallest_exit_code_does_not_block_a_cancel(one: OneOperator) -> None:
    one.apply(cases={"count": 3})
    async with one.operator():
        one.run_pods()
        await asyncio.sleep(5)
        one.cluster.end_pod("default", one.pods()[0], -(2**31))
        await asyncio.sleep(5)
        assert one.status["failures"][0]["exitCode"] == -(2**31)
        await one.patch(cancel=True)
        await asyncio.sleep(60)
        assert stopping(one) == 2
