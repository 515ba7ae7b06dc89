"""Deadlines that the API server refuses are reported once, retried a few times, and delay nothing."""

import asyncio

from simjob.core.plan import LimitRun, WriteJobStatus
from simjob.runtime.client import errors
from simjob.runtime.client.errors import ForbiddenError
from worlds.executing import Workbench
from worlds.oneoperator import OneOperator
from worlds.virtualtime import VirtualTimeLoop

LOOP = VirtualTimeLoop


async def test_a_refused_deadline_is_reported_once_and_delays_nothing() -> None:
    bench = Workbench()
    job, pod = await bench.started()
    bench.cluster.refuse("limit_pod", ForbiddenError("a policy", code=403))
    outcome = await bench.apply(
        LimitRun(pod=pod, seconds=10, otherwise="it runs longer"), WriteJobStatus(job=job, status={"active": 1})
    )
    assert bench.cluster.calls == ["limit_pod", "write_job_status"]
    assert outcome.trouble is None
    (told,) = outcome.notices
    assert (told.reason, told.warning) == ("DeadlineRefused", True)
    assert told.note == f"the API server rejects the deadline of pod {pod.name}, so it runs longer: a policy"
    assert (await bench.apply(LimitRun(pod=pod, seconds=10, otherwise="it runs longer"))).notices == ()


async def test_a_refused_deadline_is_retried_a_few_times() -> None:
    bench = Workbench()
    _, pod = await bench.started()
    limit = LimitRun(pod=pod, seconds=10, otherwise="it runs longer")

    async def tries(refusals: int) -> list[float]:
        bench.cluster.refuse("limit_pod", *[ForbiddenError("a policy", code=403)] * refusals)
        start, found = asyncio.get_running_loop().time(), []
        for _ in range(600):
            before = bench.cluster.calls.count("limit_pod")
            await bench.apply(limit)
            if bench.cluster.calls.count("limit_pod") > before:
                found.append(asyncio.get_running_loop().time() - start)
            await asyncio.sleep(1)
        return found

    # Accepted at the third try; then, in this test, asked for again with each pass.
    assert (await tries(2))[:3] == [0, 10, 30]
    assert await tries(99) == [0, 10, 30, 70, 150, 310]


async def test_a_refused_deadline_is_retried_without_an_event(
    one: OneOperator,
) -> None:
    one.apply(cases={"count": 1}, timeouts={"runSeconds": 600})
    one.cluster.refuse("limit_pod", *[errors.ForbiddenError("a policy", code=403)] * 2)
    async with one.operator():
        await asyncio.sleep(1)
        one.cluster.set_pod("default", one.pods()[0], node="node-1", startTime="2026-01-02T03:04:06Z")
        one.cluster.run_pod("default", one.pods()[0])
        await asyncio.sleep(45)
        first, *later = one.times("limit_pod")
        assert [round(time - first) for time in later] == [10, 30]
