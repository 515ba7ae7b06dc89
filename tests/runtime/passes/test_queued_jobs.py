"""Jobs that a queue admits: what the queue reads in their status is there at once, and costs no more than it must."""

import asyncio
from typing import Any

import pytest
from simjob.runtime.client.errors import ForbiddenError
from worlds.oneoperator import OneOperator
from worlds.virtualtime import VirtualTimeLoop

LOOP = VirtualTimeLoop


def counts(one: OneOperator, index: int) -> tuple[int, int]:
    """Give `active` and `ready` of a case's Job."""
    jobs = [raw for raw in one.cluster.objects("jobs") if raw["metadata"]["labels"]["simjob.dev/index"] == str(index)]
    status: dict[str, Any] = jobs[0].get("status", {})
    return status.get("active", 0), status.get("ready", 0)


async def test_a_running_case_is_ready_at_once_while_another_waits_for_a_node(one: OneOperator) -> None:
    one.apply(cases={"count": 2}, queueName="gpus")
    async with one.operator():
        await asyncio.sleep(0.5)
        assert (counts(one, 0), counts(one, 1)) == ((1, 0), (1, 0))
        one.run_pods(one.pods()[0])
        await asyncio.sleep(0.1)
        assert (counts(one, 0), counts(one, 1)) == ((1, 1), (1, 0))


async def test_without_a_queue_the_same_takes_longer_and_costs_one_write_less(one: OneOperator) -> None:
    one.apply(cases={"count": 2})
    async with one.operator():
        one.run_pods(one.pods()[0])
        await asyncio.sleep(25)
        assert one.times("write_job_status") == []
        await asyncio.sleep(10)
        assert (counts(one, 0), counts(one, 1)) == ((1, 1), (0, 0))
        assert len(one.times("write_job_status")) == 1


@pytest.mark.parametrize(("queue", "writes"), [({}, 1), ({"queueName": "gpus"}, 3)])
async def test_a_short_case_costs_these_status_writes(one: OneOperator, queue: dict[str, str], writes: int) -> None:
    one.apply(cases={"count": 1}, **queue)
    async with one.operator():
        await asyncio.sleep(0.2)
        (pod,) = one.pods()
        one.run_pods(pod)
        await asyncio.sleep(0.2)
        one.cluster.end_pod("default", pod)
        await asyncio.sleep(5)
        assert one.status["phase"] == "COMPLETED"
        assert len(one.times("write_job_status")) == writes


async def test_a_refused_status_write_is_not_repeated_in_a_tight_loop(one: OneOperator) -> None:
    one.apply(cases={"count": 1}, queueName="gpus")
    one.cluster.refuse("write_job_status", *[ForbiddenError("no", code=403)] * 1000)
    async with one.operator():
        await asyncio.sleep(0.2)
        one.run_pods()
        await asyncio.sleep(120)
        assert len(one.times("write_job_status")) < 30
