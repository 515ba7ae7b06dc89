"""A pod that took too long is read before that is counted: the watch of pods may be late, or refused."""

import asyncio

import pytest
from simjob.runtime.client.errors import UnavailableError
from simjob.runtime.watching.sinks import JobSink
from worlds.fakerules import timestamp
from worlds.oneoperator import OneOperator
from worlds.virtualtime import VirtualTimeLoop

LOOP = VirtualTimeLoop
BOUNDS = pytest.mark.parametrize("seconds", [{"assignSeconds": 60}, {"startSeconds": 60}])


async def waiting(one: OneOperator, seconds: dict[str, int]) -> str:
    """Bring the pod of the one case to where its time counts, and end the watch of pods."""
    (pod,) = one.pods()
    if "startSeconds" in seconds:
        one.cluster.set_pod("default", pod, node="node-1", startTime=timestamp(one.clock()))
    await asyncio.sleep(2)
    one.cluster.watch(JobSink(one.store), None, one.store)
    await asyncio.sleep(3)
    return pod


def runs(one: OneOperator, pod: str) -> None:
    one.run_pods(pod, startTime=timestamp(one.clock()))


@BOUNDS
async def test_a_running_case_does_not_time_out_if_its_start_was_missed(
    one: OneOperator, seconds: dict[str, int]
) -> None:
    one.apply(cases={"count": 1}, timeouts=seconds)
    async with one.operator():
        runs(one, await waiting(one, seconds))
        await asyncio.sleep(600)
        assert one.times("delete_pod") == []
        assert one.status["phase"] == "RUNNING"
        assert len(one.times("get_pod")) == 1, "only when its time is over"


@BOUNDS
async def test_an_ended_case_is_recorded_with_its_outcome(one: OneOperator, seconds: dict[str, int]) -> None:
    one.apply(cases={"count": 1}, timeouts=seconds)
    async with one.operator():
        pod = await waiting(one, seconds)
        runs(one, pod)
        one.cluster.end_pod("default", pod)
        await asyncio.sleep(120)
        assert one.status["phase"] == "COMPLETED"


@BOUNDS
async def test_nothing_is_counted_while_the_pod_cannot_be_read(one: OneOperator, seconds: dict[str, int]) -> None:
    one.apply(cases={"count": 1}, timeouts=seconds)
    one.cluster.refuse("get_pod", *[UnavailableError("no answer")] * 9)
    async with one.operator():
        runs(one, await waiting(one, seconds))
        await asyncio.sleep(70)
        reads = len(one.times("get_pod"))
        assert 3 < reads < 9
        for _ in range(20):
            one.store.wake(next(iter(one.store._simulationjobs.keys())))
            await asyncio.sleep(0.01)
        assert len(one.times("get_pod")) <= reads + 1, "events shorten no pause"
        await asyncio.sleep(120)
        assert (one.times("delete_pod"), one.status["phase"]) == ([], "RUNNING")


@BOUNDS
async def test_a_pod_that_times_out_is_read_once_and_stopped(one: OneOperator, seconds: dict[str, int]) -> None:
    one.apply(cases={"count": 1}, timeouts=seconds, retries={"limit": 0})
    async with one.operator():
        await waiting(one, seconds)
        await asyncio.sleep(60)
        assert (len(one.times("get_pod")), len(one.times("delete_pod"))) == (1, 1)
        (job,) = one.cluster.objects("jobs")
        assert job["metadata"]["annotations"]["simjob.dev/error-code"] in ("ASSIGN_TIMEOUT", "START_TIMEOUT")


@BOUNDS
async def test_a_missing_pod_did_not_time_out(one: OneOperator, seconds: dict[str, int]) -> None:
    one.apply(cases={"count": 1}, timeouts=seconds, retries={"limit": 0})
    async with one.operator():
        pod = await waiting(one, seconds)
        one.cluster.remove("pods", "default", pod)
        await asyncio.sleep(64)
        assert one.pods() == [pod.removesuffix("0") + "1"]
        assert one.status["cases"]["failed"] == 0
