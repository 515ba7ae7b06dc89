"""Many sweeps are ended at once: each is served at once, whatever the others have to stop."""

import asyncio

import pytest
from simjob.core.facts.pods import PodFact
from worlds.oneoperator import OneOperator
from worlds.virtualtime import VirtualTimeLoop

LOOP = VirtualTimeLoop
SWEEPS = 30
CASES = 40


@pytest.mark.parametrize("deleted", [False, True])
async def test_each_of_thirty_sweeps_has_its_first_pod_stopped_within_a_second(deleted: bool) -> None:
    one = OneOperator()
    delete, first, loop = one.cluster.delete_pod, dict[str, float](), asyncio.get_running_loop()

    async def slow_delete(namespace: str, name: str, uid: str) -> PodFact | None:
        first.setdefault(name.split("-")[0], loop.time())
        await asyncio.sleep(0.3)
        return await delete(namespace, name, uid)

    one.cluster.delete_pod = slow_delete  # type: ignore[method-assign]
    async with one.operator():
        for index in range(SWEEPS):
            one.submit(f"sweep{index}", cases={"count": CASES}, parallelism=CASES)
        await asyncio.sleep(20)
        assert len(one.pods()) == SWEEPS * CASES
        asked = loop.time()
        for index in range(SWEEPS):
            if deleted:
                one.cluster.remove("simulationjobs", "default", f"sweep{index}")
            else:
                one.submit(f"sweep{index}", cancel=True)
        await asyncio.sleep(1)
        assert {name: at - asked for name, at in first.items() if at - asked >= 1} == {}
        assert len(first) == SWEEPS
        assert one.pods() != [], "there was more to stop than a second is enough for"
