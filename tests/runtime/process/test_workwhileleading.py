import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from simjob.runtime.process import workwhileleading
from worlds.virtualtime import VirtualTimeLoop

LOOP = VirtualTimeLoop


class Vote:
    """An election that the test decides."""

    def __init__(self) -> None:
        self.is_leader = False
        self.steps: list[str] = []
        self._changed = asyncio.Condition()

    async def decide(self, *, leads: bool) -> None:
        self.is_leader = leads
        async with self._changed:
            self._changed.notify_all()
        await asyncio.sleep(1)

    async def acquired(self) -> None:
        async with self._changed:
            await self._changed.wait_for(lambda: self.is_leader)

    async def lost(self) -> None:
        async with self._changed:
            await self._changed.wait_for(lambda: not self.is_leader)

    def step_down(self) -> None:
        self.steps.append("stepped down")

    async def work(self) -> None:
        self.steps.append("began")
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.5)
            self.steps.append("stopped")


@asynccontextmanager
async def serving(vote: Vote) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(workwhileleading.serve(vote, vote.work))
    await asyncio.sleep(1)
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_follower_does_not_work() -> None:
    vote = Vote()
    async with serving(vote):
        await asyncio.sleep(600)
    assert vote.steps == []


async def test_a_former_leader_competes_again_only_after_its_work_stopped() -> None:
    vote = Vote()
    async with serving(vote):
        await vote.decide(leads=True)
        await vote.decide(leads=False)
        assert vote.steps == ["began", "stopped", "stepped down"]


async def test_each_term_begins_its_work_afresh() -> None:
    vote = Vote()
    async with serving(vote):
        for leads in (True, False, True):
            await vote.decide(leads=leads)
        assert vote.steps == ["began", "stopped", "stepped down", "began"]


async def test_failing_work_ends_the_term() -> None:
    vote = Vote()

    async def fail() -> None:
        raise RuntimeError("a defect")

    await vote.decide(leads=True)
    with pytest.raises(ExceptionGroup, match="unhandled errors"):
        await workwhileleading.serve(vote, fail)


async def test_a_stop_waits_for_the_work() -> None:
    vote = Vote()
    async with serving(vote):
        await vote.decide(leads=True)
    assert vote.steps == ["began", "stopped"]
