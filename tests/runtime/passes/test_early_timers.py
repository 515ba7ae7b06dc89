"""A backoff that ends while a pass runs does not lose the call that it held."""

import asyncio

import pytest
from simjob.runtime.client import errors
from worlds.fakerules import timestamp
from worlds.oneoperator import OneOperator
from worlds.virtualtime import CoarseTimeLoop

LOOP = CoarseTimeLoop
STATUS = "patch_simulationjob_status"
DENIED = errors.ForbiddenError("simulationjobs.simjob.dev is forbidden: no status today", code=403)


@pytest.mark.parametrize("jitter", [number / 40 for number in range(40)], ids="jitter {:.3f}".format)
async def test_a_refused_latch_is_tried_again_when_its_timer_is_early(one: OneOperator, jitter: float) -> None:
    one.apply(cases={"count": 2})
    async with one.operator():
        one.queue._jitter = lambda: jitter
        one.run_pods(startTime=timestamp(one.clock()))
        await asyncio.sleep(2)
        one.cluster.refuse(STATUS, *[DENIED] * 100)
        one.calls.clear()
        await one.patch(cancel=True)
        await asyncio.sleep(2)
        calls = [call for _, call in one.calls if call in (STATUS, "delete_pod")]
        assert calls[:5] == [STATUS] * 3 + ["delete_pod"] * 2
