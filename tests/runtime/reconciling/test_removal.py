"""What was left on purpose continues. Everything else that a SimulationJob leaves behind is removed."""

import asyncio
from typing import Any

import pytest
from simjob.api import names
from simjob.core.rules import deletion
from simjob.runtime.client.errors import UnavailableError
from simjob.runtime.watching.sinks import PodSink
from worlds.oneoperator import OneOperator
from worlds.virtualtime import VirtualTimeLoop

LOOP = VirtualTimeLoop


async def running(one: OneOperator) -> dict[str, Any]:
    """Start two cases; return the SimulationJob."""
    one.run_pods()
    await asyncio.sleep(5)
    (raw,) = one.cluster.objects(names.PLURAL)
    return raw


def goes(one: OneOperator, raw: dict[str, Any]) -> None:
    """Take the SimulationJob away; only runtime/watching/resync.py finds that out."""
    one.cluster.watch(one.cluster._jobs_sink, one.cluster._pods_sink)
    one.cluster.remove(names.PLURAL, "default", raw["metadata"]["name"])
    one.store.deleted({"metadata": {key: raw["metadata"][key] for key in ("namespace", "name", "uid")}})


@pytest.mark.parametrize("sees_jobs", [True, False])
async def test_orphaned_pods_keep_running_when_the_deletion_was_missed(one: OneOperator, sees_jobs: bool) -> None:
    one.apply(cases={"count": 2})
    async with one.operator():
        raw = await running(one)
        if not sees_jobs:
            one.cluster.watch(None, PodSink(one.store, one.clock))
        # The garbage collector takes the owner out of the Jobs, then the finalizer and the object go.
        one.cluster.disown("jobs", "default")
        goes(one, raw)
        await asyncio.sleep(30)
        for pod in one.pods():
            one.cluster.end_pod("default", pod)
        await asyncio.sleep(30)
        assert (one.times("delete_pod"), one.times("delete_job")) == ([], [])


async def test_a_missed_deletion_removes_all_children_after_one_read(one: OneOperator) -> None:
    one.apply(cases={"count": 2})
    async with one.operator():
        goes(one, await running(one))
        await asyncio.sleep(1)
        for pod in one.pods():
            one.cluster.end_pod("default", pod, 143)
        await asyncio.sleep(30)
        assert (one.pods(), list(one.cluster.objects("jobs"))) == ([], [])
        assert len(one.times("get_job")) == 1


async def test_nothing_is_removed_while_the_jobs_cannot_be_read(one: OneOperator) -> None:
    one.apply(cases={"count": 2})
    async with one.operator():
        raw = await running(one)
        one.cluster.refuse("get_job", *[UnavailableError("no answer")] * 5)
        goes(one, raw)
        await asyncio.sleep(2)
        assert one.times("delete_pod") == []
        assert len(one.times("get_job")) <= 5
        await asyncio.sleep(30)
        assert len(one.times("delete_pod")) == 2


async def test_pods_whose_jobs_are_gone_are_removed(one: OneOperator) -> None:
    one.apply(cases={"count": 2})
    async with one.operator():
        raw = await running(one)
        for job in list(one.cluster.objects("jobs")):
            one.cluster.remove("jobs", "default", job["metadata"]["name"])
        goes(one, raw)
        await asyncio.sleep(2)
        assert len(one.times("delete_pod")) == 2


async def test_a_defect_during_removal_emits_one_event(one: OneOperator, monkeypatch: pytest.MonkeyPatch) -> None:
    one.apply(cases={"count": 2})
    async with one.operator():
        raw = await running(one)
        with monkeypatch.context() as defect:
            defect.setattr(deletion, "remove_all", lambda *_: 1 / 0)
            goes(one, raw)
            await asyncio.sleep(300)
            (event,) = [event for event in one.cluster.events if event.reason == "OperatorDefect"]
            uid = raw["metadata"]["uid"]
            assert (event.type, event.action, event.name, event.uid) == ("Warning", "Remove", "sweep", uid)
            assert f"To delete them by hand: kubectl delete jobs -l simjob.dev/uid={uid} " in event.note
            assert event.note.endswith("with the operator's log: ZeroDivisionError: division by zero")
            assert len(one.pods()) == 2
        await asyncio.sleep(30)
        assert len(one.times("delete_pod")) == 2, "it is tried again"
