import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from given.builders import a_job_dict
from simjob.api import names
from simjob.runtime.client import errors
from simjob.runtime.watching.resync import Resync
from worlds.fakes import FakeCluster
from worlds.virtualtime import VirtualTimeLoop
from worlds.wire import Answer, Wire

LOOP = VirtualTimeLoop


class Notes:
    """A sink that records what it gets."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def seen(self, raw: dict[str, Any]) -> None:
        self.lines.append(raw["metadata"]["name"])

    def deleted(self, raw: dict[str, Any]) -> None:
        self.lines.append(f"-{raw['metadata']['name']}")


class World:
    """A cluster, its list of metadata, and kopf's watch, which can be cut off."""

    def __init__(self) -> None:
        self.cluster = FakeCluster()
        self.notes = Notes()
        self.down = False
        self.lists = 0
        self.resync = Resync(
            Wire(self._list),
            self.cluster,
            self.notes,
            (),
            300,
            monotonic=asyncio.get_running_loop().time,
            jitter=lambda: 0.0,
        )
        self.connect()

    def connect(self) -> None:
        self.cluster.watch(simulationjobs=self.resync)

    def cut_off(self) -> None:
        self.cluster.watch()

    def _list(self, method: str, path: str, body: bytes | None) -> Answer:
        self.lists += 1
        if self.down:
            return errors.UnavailableError("down")
        return {"metadata": {}, "items": [{"metadata": raw["metadata"]} for raw in self.cluster.objects(names.PLURAL)]}

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Resync]:
        task = asyncio.create_task(self.resync.run())
        await asyncio.sleep(0)
        try:
            yield self.resync
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def sweep(name: str, **spec: Any) -> dict[str, Any]:
    return a_job_dict(metadata={"name": name}, **spec)


async def test_resync_is_synced_once_kopf_has_reported_everything() -> None:
    world = World()
    world.cut_off()
    raw = world.cluster.apply(sweep("a"))
    async with world.running() as resync:
        await asyncio.sleep(1)
        assert not resync.synced.is_set()
        resync.seen(raw)
        await asyncio.sleep(0.2)
        assert resync.synced.is_set()
    assert world.notes.lines == ["a"]


async def test_without_simulationjobs_resync_is_synced_at_once() -> None:
    async with World().running() as resync:
        await asyncio.sleep(0)
        assert resync.synced.is_set()


async def test_objects_that_kopf_does_not_report_in_time_are_read_from_the_cluster() -> None:
    world = World()
    world.cut_off()
    world.cluster.apply(sweep("a"))
    async with world.running() as resync:
        await resync.synced.wait()
    assert world.notes.lines == ["a"]
    assert world.cluster.calls == ["get_simulationjob"]


async def test_a_lost_change_is_found_at_the_next_comparison() -> None:
    world = World()
    async with world.running():
        world.cluster.apply(sweep("a"))
        world.cut_off()
        world.cluster.apply(sweep("a", cancel=True))
        await asyncio.sleep(310)
    assert world.notes.lines == ["a", "a"]


async def test_a_lost_deletion_is_found_at_the_next_comparison() -> None:
    world = World()
    async with world.running():
        world.cluster.apply(sweep("a"))
        world.cut_off()
        world.cluster.remove(names.PLURAL, "default", "a")
        await asyncio.sleep(310)
    assert world.notes.lines == ["a", "-a"]


async def test_with_a_working_watch_nothing_is_read_twice() -> None:
    world = World()
    async with world.running():
        world.cluster.apply(sweep("a"))
        await asyncio.sleep(1000)
    assert world.notes.lines == ["a"]
    assert world.cluster.calls == []


async def test_a_state_older_than_what_was_read_is_not_passed_on() -> None:
    world = World()
    old = world.cluster.apply(sweep("a"))
    new = world.cluster.apply(sweep("a", cancel=True))
    world.notes.lines.clear()
    world.resync.seen(new)
    world.resync.seen(old)
    assert world.notes.lines == []


async def test_the_age_of_missed_changes_grows_until_kopf_reports_again() -> None:
    world = World()
    async with world.running() as resync:
        assert resync.unseen_age() == 0
        world.cut_off()
        world.cluster.apply(sweep("a"))
        await asyncio.sleep(300 + 5 + 100)
        assert resync.unseen_age() == pytest.approx(105, abs=1)
        world.connect()
        world.cluster.apply(sweep("b"))
        assert resync.unseen_age() == 0


async def test_an_api_server_outage_is_retried_and_reports_no_deletion() -> None:
    world = World()
    world.cluster.apply(sweep("a"))
    world.down = True
    async with world.running() as resync:
        await asyncio.sleep(60)
        assert not resync.synced.is_set()
        world.down = False
        await asyncio.sleep(3)
        assert resync.synced.is_set()
    assert world.notes.lines == ["a"]


async def test_while_the_watch_of_kopf_fails_lists_find_changes_and_deletions() -> None:
    world = World()
    async with world.running() as resync:
        world.cluster.apply(sweep("a"))
        world.cluster.apply(sweep("b"))
        world.cut_off()
        world.cluster.remove(names.PLURAL, "default", "a")
        world.cluster.apply(sweep("b", cancel=True))
        resync.troubled()
        await asyncio.sleep(10.2)
    assert world.notes.lines == ["a", "b", "-a", "b"]


async def test_a_failing_watch_is_not_mistaken_for_a_hanging_one() -> None:
    world = World()
    async with world.running() as resync:
        world.cut_off()
        world.cluster.apply(sweep("a"))
        await asyncio.sleep(310)
        assert resync.unseen_age() > 0
        world.down = True
        for _ in range(150):
            resync.troubled()
            await asyncio.sleep(4)
        assert resync.unseen_age() < 5


async def test_a_constantly_failing_watch_costs_at_most_one_list_per_five_seconds() -> None:
    world = World()
    async with world.running() as resync:
        before = world.lists
        for _ in range(1000):
            resync.troubled()
            await asyncio.sleep(0.1)
        assert world.lists - before <= 21


async def test_lists_do_not_overtake_kopf_while_it_reports_objects() -> None:
    world = World()
    world.cut_off()
    raws = [world.cluster.apply(sweep(f"sweep-{index}")) for index in range(10)]
    async with world.running() as resync:
        for raw in raws:
            await asyncio.sleep(3)
            resync.seen(raw)
        await asyncio.sleep(1)
        assert resync.synced.is_set()
    assert world.cluster.calls == []
