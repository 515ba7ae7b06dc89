"""Large plans take turns."""

import asyncio
from dataclasses import replace

from given.builders import NOW, a_job_fact
from simjob.runtime.client.key import Key
from simjob.runtime.reconciling.planning import LARGE, Planning
from simjob.runtime.store.stopsigns import StopSigns
from simjob.runtime.store.view import View
from simjob.runtime.store.workqueue import WorkQueue
from simjob.runtime.tables.preparing import Preparing
from simjob.runtime.watching.waitingreasons import WaitingReasons
from worlds.fakes import FakeCluster

SMALL = View(
    key=Key("default", "uid"),
    job=None,
    is_gone=False,
    is_orphaned=False,
    signs=StopSigns(),
    jobs=(),
    pods=(),
    unasked=(),
    stopping=0,
    has_children=False,
    attributed=False,
    last_stop=None,
)
MANY = replace(SMALL, jobs=(a_job_fact(0),) * LARGE)


async def plans_without_a_pause(view: View) -> int:
    """Return how many of ten plans in a row are made before anything else gets its turn."""
    cluster, queue = FakeCluster(), WorkQueue()
    planning = Planning(Preparing(cluster, queue, lambda: NOW), WaitingReasons(cluster, queue), lambda: NOW)
    made, longest = 0, 0

    async def plan() -> None:
        nonlocal made
        await planning.turn(view)
        made += 1

    async def probe() -> None:
        nonlocal longest
        before = 0
        while before < 10:
            await asyncio.sleep(0)
            longest, before = max(longest, made - before), made

    async with asyncio.TaskGroup() as group:
        group.create_task(probe())
        for _ in range(10):
            group.create_task(plan())
    return longest


async def test_a_probe_is_answered_between_two_large_plans() -> None:
    assert await plans_without_a_pause(MANY) == 1


async def test_small_plans_do_not_wait_for_each_other() -> None:
    assert await plans_without_a_pause(SMALL) == 10
