"""A quota that counts objects does not stop a sweep whose own finished Jobs use it up."""

import asyncio
from typing import Any

import pytest
from simjob.runtime.client import errors
from worlds.oneoperator import OneOperator
from worlds.virtualtime import VirtualTimeLoop

LOOP = VirtualTimeLoop


def play_kubelet(one: OneOperator, codes: dict[str, int] | None = None) -> None:
    """End each pod a second after it was made; `codes` by name, 0 if not given."""
    seen: set[str] = set()

    def saw(plural: str, raw: dict[str, Any], *, deleted: bool = False) -> None:
        tell(plural, raw, deleted=deleted)
        name = raw["metadata"]["name"]
        if plural == "pods" and not deleted and name not in seen:
            seen.add(name)
            asyncio.get_running_loop().call_later(1, end, name)

    def end(name: str) -> None:
        if name in one.pods():
            one.cluster.end_pod("default", name, (codes or {}).get(name, 0))

    tell = one.cluster._tell
    one.cluster._tell = saw  # type: ignore[method-assign]


def jobs(one: OneOperator) -> list[int]:
    return sorted(int(raw["metadata"]["labels"]["simjob.dev/index"]) for raw in one.cluster.objects("jobs"))


@pytest.mark.parametrize("quota", ["count/jobs.batch", "count/pods"])
async def test_under_a_quota_the_oldest_finished_jobs_are_deleted_and_all_cases_run(
    one: OneOperator, quota: str
) -> None:
    one.cluster.quota = {quota: 4}
    one.apply(cases={"count": 12}, parallelism=2)
    play_kubelet(one)
    async with one.operator():
        await asyncio.sleep(60)
        assert (one.status["phase"], one.status["progress"]) == ("COMPLETED", "12/12")
        assert one.status["restarts"] == 0, "no case is made a second time"
        assert jobs(one) == [8, 9, 10, 11], "the newest are kept, and no more go than must"
        told = [event for event in one.cluster.events if event.reason == "HistoryRemoved"]
        assert len(told) == 1
        assert f"requested: {quota}=1" in told[0].note


async def test_status_reports_what_is_deleted_and_why(one: OneOperator) -> None:
    one.cluster.quota = {"count/jobs.batch": 2}
    one.apply(cases={"count": 4}, parallelism=1)
    one.cluster.refuse("delete_job", *[errors.UnavailableError("no answer", code=503)] * 4)
    play_kubelet(one)
    async with one.operator():
        await asyncio.sleep(3.2)
        assert one.status["reason"] == "JobRefused"
        assert "exceeded quota: q, requested: count/jobs.batch=1" in one.status["message"]
        assert one.status["message"].endswith("; finished Jobs kept by `history` are deleted to make room")
        await asyncio.sleep(20)
        assert one.status["phase"] == "COMPLETED"


async def test_a_refusal_other_than_an_object_quota_deletes_nothing(one: OneOperator) -> None:
    one.cluster.quota = {"pods": 2}
    one.apply(cases={"count": 12}, parallelism=4)
    play_kubelet(one)
    async with one.operator():
        await asyncio.sleep(60)
        assert one.status["progress"] == "12/12"
        assert len(jobs(one)) == 12
        assert one.times("delete_job") == []


async def test_a_retry_continues_when_its_own_earlier_pods_fill_the_quota(one: OneOperator) -> None:
    one.cluster.quota = {"count/pods": 3}
    one.apply(cases={"count": 1}, retries={"limit": 5})
    play_kubelet(one, {f"sweep-0b0c4fd2-0-0-{attempt}": 1 for attempt in range(5)})
    async with one.operator():
        await asyncio.sleep(120)
        assert one.status["phase"] == "COMPLETED"
        assert len(one.pods()) <= 3


async def test_a_creation_is_retried_at_once_when_a_pod_of_the_sweep_ends(one: OneOperator) -> None:
    one.cluster.quota = {"pods": 1}
    one.apply(cases={"count": 2}, parallelism=2)
    async with one.operator():
        await asyncio.sleep(17)
        one.calls.clear()
        one.cluster.end_pod("default", one.pods()[0])
        await asyncio.sleep(0.1)
        assert len(one.pods()) == 2, "ten seconds earlier than without"


async def test_kept_jobs_are_not_deleted_when_others_take_the_room(one: OneOperator) -> None:
    one.apply(cases={"count": 12}, parallelism=1)
    play_kubelet(one)
    async with one.operator():
        await asyncio.sleep(9.5)
        before = len(jobs(one))
        assert before >= 7
        # Whatever goes, others are quicker.
        one.cluster.quota = {"count/jobs.batch": 0}
        await asyncio.sleep(300)
        assert len(jobs(one)) == before - 3
        assert one.status["message"].endswith("; finished Jobs were deleted 3 times to make room, and others took it")
        one.cluster.quota = {}
        await asyncio.sleep(60)
        assert one.status["phase"] == "COMPLETED"


async def test_a_quota_filled_by_others_is_retried_slowly(one: OneOperator) -> None:
    one.cluster.quota = {"count/jobs.batch": 0}
    one.apply(cases={"count": 12}, parallelism=4)
    async with one.operator():
        await asyncio.sleep(30)
        assert len(one.times("create_job")) <= 4 + 6
        assert one.status["reason"] == "JobRefused"
        assert "history" not in one.status["message"]
