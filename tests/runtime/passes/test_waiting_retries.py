"""What status says of a case that backs off, from one operator to the next."""

import asyncio
from typing import Any

from simjob.api import names
from worlds.oneoperator import OneOperator
from worlds.virtualtime import VirtualTimeLoop

LOOP = VirtualTimeLoop


def fail(one: OneOperator, exit_code: int, message: str) -> None:
    """Let all pods that are live fail."""
    for raw in list(one.cluster.objects("pods")):
        if raw["status"]["phase"] == "Pending":
            one.cluster.run_pod("default", raw["metadata"]["name"])
            one.cluster.end_pod("default", raw["metadata"]["name"], exit_code, message)


async def test_a_retry_is_shown_only_while_its_case_waits(one: OneOperator) -> None:
    one.apply(cases={"count": 1}, retries={"limit": 1})
    async with one.operator():
        await asyncio.sleep(1)
        fail(one, 3, "no licence")
        await asyncio.sleep(3)
        (shown,) = one.status["retrying"]["newest"]
        assert (shown["exitCode"], shown["message"], shown["failedAttempts"]) == (3, "no licence", 1)
        await asyncio.sleep(9)
        assert "retrying" not in one.status, "its second attempt runs"
        fail(one, 4, "diverged")
        await asyncio.sleep(3)
        assert (one.status["phase"], one.status["errorCode"], "retrying" in one.status) == (
            "FAILED",
            "CASE_FAILED",
            False,
        )


async def test_the_next_operator_shows_the_same_retry_without_pod_and_status(one: OneOperator) -> None:
    one.apply(cases={"count": 2}, retries={"limit": 3})
    async with one.operator():
        await asyncio.sleep(1)
        fail(one, 3, "no licence")
        await asyncio.sleep(3)
        before: dict[str, Any] = one.status["retrying"]
        assert (before["cases"], {each["exitCode"] for each in before["newest"]}) == (2, {3})
    for name in one.pods():
        one.cluster.remove("pods", "default", name)
    meta = next(one.cluster.objects(names.PLURAL))["metadata"]
    await one.cluster.patch_simulationjob_status("default", meta["name"], meta["resourceVersion"], {"retrying": None})
    async with one.operator():
        await asyncio.sleep(3)
        assert one.status["retrying"] == before


async def test_a_waiting_case_causes_no_repeated_writes(one: OneOperator) -> None:
    one.apply(cases={"count": 1}, retries={"limit": 9})
    async with one.operator():
        for _ in range(6):
            await asyncio.sleep(1)
            fail(one, 3, "no licence")
            await asyncio.sleep(3)
            one.calls.clear()
            due = one.status["retrying"]["newest"][0]["nextAttemptAt"]
            while not any(raw["status"]["phase"] == "Pending" for raw in one.cluster.objects("pods")):
                assert one.times("patch_simulationjob_status") == [], due
                await asyncio.sleep(0.5)
