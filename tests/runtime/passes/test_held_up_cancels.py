"""When a cancel reaches the pods while something hangs or is slow, for its own sweep or for another one."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Never

import pytest
from simjob.core.facts.pods import PodFact
from simjob.runtime.client.errors import ForbiddenError, UnavailableError
from simjob.runtime.cluster.calls import StoredJob
from worlds.oneoperator import OneOperator
from worlds.virtualtime import VirtualTimeLoop

LOOP = VirtualTimeLoop
# What Connection.request makes of a call whose webhook is given 10 s and does not answer: four tries, each a 500 after
# 10 s, and pauses of 0.2, 0.4 and 0.8 s between them.
FOUR_TRIES = 41.4
WORKERS = 16


def cancel(one: OneOperator, name: str) -> None:
    one.cluster.apply({"metadata": {"namespace": "default", "name": name}, "spec": {"cancel": True}})


async def run_all(one: OneOperator) -> None:
    one.run_pods()
    await asyncio.sleep(5)


def signalled(one: OneOperator, name: str) -> int:
    """Return how many pods of a sweep were asked to stop."""
    pods = [raw["metadata"] for raw in one.cluster.objects("pods")]
    return sum("deletionTimestamp" in meta for meta in pods if meta["name"].startswith(f"{name}-"))


async def hanging(*_: Any, **__: Any) -> Never:
    """Play a call whose webhook does not answer."""
    await asyncio.sleep(FOUR_TRIES)
    raise UnavailableError("failed calling webhook: context deadline exceeded", code=500)


@asynccontextmanager
async def beside_slow_creations(one: OneOperator) -> AsyncIterator[None]:
    """Run the sweep `mine`, while the creations of a hundred other sweeps take half a minute each."""
    create = one.cluster.create_job

    async def slow(namespace: str, body: bytes) -> StoredJob:
        if b'"name":"slow' in body:
            await asyncio.sleep(30)
        return await create(namespace, body)

    one.cluster.create_job = slow  # type: ignore[method-assign]
    one.submit("mine", cases={"count": 4})
    async with one.operator(workers=WORKERS):
        await asyncio.sleep(2)
        await run_all(one)
        for number in range(100):
            one.submit(f"slow{number}", cases={"count": 4})
        await asyncio.sleep(15)
        yield


async def test_hanging_deletions_do_not_delay_the_cancel_of_another_sweep(one: OneOperator) -> None:
    delete = one.cluster.delete_pod

    async def hanging_for_one(namespace: str, name: str, uid: str) -> PodFact | None:
        # A webhook on the deletion of pods of that project, or of that namespace, does not answer.
        if name.startswith("stuck-"):
            await hanging()
        return await delete(namespace, name, uid)

    one.cluster.delete_pod = hanging_for_one  # type: ignore[method-assign]
    one.submit("stuck", cases={"count": 40}, parallelism=40)
    one.submit("other", cases={"count": 4})
    async with one.operator(workers=WORKERS):
        await asyncio.sleep(5)
        await run_all(one)
        cancel(one, "stuck")
        await asyncio.sleep(2)
        cancel(one, "other")
        await asyncio.sleep(2)
        assert signalled(one, "other") == 4


async def test_slow_creations_of_others_do_not_delay_a_cancel_whose_latch_failed_once(
    one: OneOperator,
) -> None:
    async with beside_slow_creations(one):
        # One 500 in the moment of the cancel, after the repeats of the connection; the next try would get through.
        one.cluster.refuse("patch_simulationjob_status", UnavailableError("etcdserver: leader changed", code=500))
        cancel(one, "mine")
        await asyncio.sleep(3)
        assert signalled(one, "mine") == 4


async def test_a_refused_latch_stops_the_pods_within_a_second(one: OneOperator) -> None:
    write = one.cluster.patch_simulationjob_status

    async def refused(namespace: str, name: str, resource_version: str, status: Mapping[str, Any]) -> str:
        if name == "mine" and "cancellation" in status:
            raise ForbiddenError("a policy refuses it", code=403, reason="Forbidden")
        return await write(namespace, name, resource_version, status)

    one.cluster.patch_simulationjob_status = refused  # type: ignore[method-assign]
    async with beside_slow_creations(one):
        cancel(one, "mine")
        await asyncio.sleep(3)
        assert signalled(one, "mine") == 4


async def test_a_latch_that_times_out_stops_the_pods_within_a_second(one: OneOperator) -> None:
    one.submit("mine", cases={"count": 4})
    async with one.operator(workers=WORKERS):
        await asyncio.sleep(2)
        await run_all(one)
        one.cluster.patch_simulationjob_status = hanging  # type: ignore[method-assign]
        cancel(one, "mine")
        await asyncio.sleep(60)
        assert signalled(one, "mine") == 4


@pytest.mark.parametrize("call", ["write_job_status", "annotate_job"])
async def test_a_hanging_call_does_not_delay_the_cancel_of_its_sweep(one: OneOperator, call: str) -> None:
    one.submit("mine", cases={"count": 4}, retries={"limit": 3})
    async with one.operator(workers=WORKERS):
        await asyncio.sleep(2)
        await run_all(one)
        setattr(one.cluster, call, hanging)
        # One case fails, and is counted on its Job.
        one.cluster.end_pod("default", one.pods()[0], 1)
        await asyncio.sleep(2)
        cancel(one, "mine")
        await asyncio.sleep(3)
        assert signalled(one, "mine") == 3


async def test_a_hanging_call_does_not_delay_a_second_cancel_of_cases(one: OneOperator) -> None:
    write = one.cluster.patch_simulationjob_status
    one.submit("sweep", cases={"count": 3}, parallelism=2)
    async with one.operator(workers=WORKERS):
        await asyncio.sleep(2)
        await run_all(one)
        one.cluster.patch_simulationjob_status = hanging  # type: ignore[method-assign]
        await one.patch(cancelCases="2")
        await asyncio.sleep(2)
        one.cluster.patch_simulationjob_status = write  # type: ignore[method-assign]
        await one.patch(cancelCases="0,2")
        await asyncio.sleep(3)
        assert signalled(one, "sweep") == 1
