import asyncio
from typing import Any

import msgspec
import pytest
from given.builders import UID, a_template_dict
from simjob.api import names
from simjob.core.facts.apiobjects import Job, Pod
from simjob.runtime.client import errors
from simjob.runtime.client.key import Key
from simjob.runtime.client.requestbudget import Budget
from simjob.runtime.cluster.calls import Event
from simjob.runtime.reconciling.reconciler import Reconciler
from simjob.runtime.reconciling.workers import run
from simjob.runtime.store.store import Store
from simjob.runtime.store.workqueue import WorkQueue
from simjob.runtime.watching.sinks import JobSink, PodSink
from worlds.oneoperator import OneOperator
from worlds.virtualtime import VirtualTimeLoop

LOOP = VirtualTimeLoop


async def test_a_world_at_rest_causes_no_calls(one: OneOperator) -> None:
    one.apply()
    async with one.operator():
        for name in one.pods():
            one.cluster.set_pod("default", name, node="node-1", phase="Running")
        await asyncio.sleep(10)
        one.calls.clear()
        await asyncio.sleep(600)
        assert one.calls == []


async def test_children_of_an_earlier_operator_are_read_before_the_first_plan(one: OneOperator) -> None:
    one.apply(cases={"count": 2})
    async with one.operator():
        before = one.pods()
    one.calls.clear()
    async with one.operator(sees_pods=False):
        await asyncio.sleep(5)
        assert [name for _, name in one.calls][:2] == ["list_jobs", "list_pods"]
        assert one.pods() == before


@pytest.mark.parametrize("call", ["list_jobs", "list_pods"])
async def test_a_cancel_stops_known_pods_and_stays_open_while_others_cannot_be_read(
    one: OneOperator, call: str
) -> None:
    one.apply(cases={"count": 2})
    async with one.operator():
        names_ = one.pods()
        for name in names_:
            one.cluster.set_pod("default", name, node="node-1", phase="Running")
    assert len(names_) == 2
    jobs, pods = list(one.cluster.objects("jobs")), list(one.cluster.objects("pods"))
    one.cluster.refuse(call, *[errors.ForbiddenError("no permission", code=403)] * 500)
    one.calls.clear()
    async with one.operator():
        await show(one, jobs, pods)
        await asyncio.sleep(30)
        assert one.times("delete_pod") == [], "nobody asked to stop anything"
        await one.patch(cancel=True)
        await asyncio.sleep(30)
        assert len(one.times("delete_pod")) == 2
        assert one.status["phase"] not in ("CANCELLED", "COMPLETED", "FAILED")
        assert len(one.times(call)) < 20
        assert [event.reason for event in one.cluster.events].count("ChildrenUnreadable") == 1


async def show(one: OneOperator, jobs: list[Any], pods: list[Any]) -> None:
    """Bring these by the watches."""
    for raw in jobs:
        JobSink(one.store).upsert(msgspec.convert(raw, Job))
    for raw in pods:
        PodSink(one.store, one.clock).upsert(msgspec.convert(raw, Pod))


async def test_a_defect_in_one_pass_does_not_end_the_operator(
    one: OneOperator, caplog: pytest.LogCaptureFixture
) -> None:
    one.apply(cases={"count": 1})
    one.cluster.refuse("patch_simulationjob_status", ZeroDivisionError())
    async with one.operator():
        await asyncio.sleep(1)
        assert len(one.pods()) == 1
    assert "a bug in the operator; trying again" in caplog.messages


async def test_the_children_of_a_simulationjob_that_is_gone_are_removed(one: OneOperator) -> None:
    one.apply(cases={"count": 3})
    async with one.operator():
        one.cluster.remove(names.PLURAL, "default", "sweep")
        await asyncio.sleep(1)
        assert (one.pods(), list(one.cluster.objects("jobs"))) == ([], [])
        assert not one.store.view(Key("default", UID)).has_children


async def test_children_of_a_simulationjob_deleted_during_downtime_are_removed(one: OneOperator) -> None:
    one.apply(cases={"count": 3})
    async with one.operator():
        pass
    one.cluster.remove(names.PLURAL, "default", "sweep")
    jobs, pods = list(one.cluster.objects("jobs")), list(one.cluster.objects("pods"))
    async with one.operator():
        for raw in (*jobs, *pods):
            one.cluster._tell("jobs" if raw in jobs else "pods", raw)
        await asyncio.sleep(1)
        assert (one.pods(), list(one.cluster.objects("jobs"))) == ([], [])


async def test_a_simulationjob_recreated_under_the_same_name_is_a_new_one(one: OneOperator) -> None:
    one.apply(cases={"count": 1})
    async with one.operator():
        old = one.pods()
        one.cluster.remove(names.PLURAL, "default", "sweep")
        one.apply(cases={"count": 1}, template=a_template_dict())
        await asyncio.sleep(4)
        assert len(one.pods()) == 1
        assert one.pods() != old


async def test_the_key_of_a_cancelled_job_is_forgotten_when_nothing_is_left(one: OneOperator) -> None:
    one.apply(cancel=True)
    async with one.operator():
        await asyncio.sleep(1)
        assert one.status["phase"] == "CANCELLED"
        assert one.times("create_job") == []
        assert one.store.get(Key("default", "nobody")) is None


async def test_an_ended_job_is_deleted_with_its_children_when_its_ttl_has_passed(one: OneOperator) -> None:
    one.apply(cases={"count": 2}, ttlSecondsAfterFinished=60)
    async with one.operator():
        for name in one.pods():
            one.cluster.end_pod("default", name)
        await asyncio.sleep(10)
        assert one.status["phase"] == "COMPLETED"
        assert len(one.pods()) == 2
        await asyncio.sleep(51)
        assert list(one.cluster.objects(names.PLURAL)) == []
        assert (one.pods(), list(one.cluster.objects("jobs"))) == ([], [])
        assert len(one.times("delete_simulationjob")) == 1


async def test_a_job_whose_ttl_was_just_raised_is_kept(one: OneOperator) -> None:
    one.apply(cases={"count": 1}, ttlSecondsAfterFinished=60)
    async with one.operator():
        one.cluster.end_pod("default", one.pods()[0])
        await asyncio.sleep(10)
        # The watch does not report it before the time is over.
        one.cluster.watch(JobSink(one.store), PodSink(one.store, one.clock))
        await one.patch(ttlSecondsAfterFinished=3600)
        await asyncio.sleep(55)
        assert len(one.times("delete_simulationjob")) == 1
        assert one.status["phase"] == "COMPLETED"


@pytest.mark.parametrize("code", [403, 413, 422])
async def test_a_refused_latch_backs_off(one: OneOperator, code: int) -> None:
    one.apply(cases={"count": 2})
    async with one.operator():
        refused = errors.ForbiddenError("denied", code=code)
        one.cluster.refuse("patch_simulationjob_status", *[refused] * 10_000)
        one.calls.clear()
        await one.patch(cancel=True)
        await asyncio.sleep(30)
        assert 5 <= len(one.times("patch_simulationjob_status")) <= 10


async def test_slow_events_do_not_hide_why_the_operator_exits(one: OneOperator) -> None:
    async def hangs(event: Event) -> None:
        await asyncio.Event().wait()

    one.apply(cases={"count": 1})
    queue = WorkQueue()
    store = Store(queue, one.clock)
    one.cluster.create_event = hangs  # type: ignore[method-assign]
    one.cluster.watch(simulationjobs=store)
    for raw in one.cluster.objects(names.PLURAL):
        store.seen(raw)
    reconciler = Reconciler(one.cluster, store, queue, one.clock, Budget(4), stopwatch=lambda: 0.0)
    worker = asyncio.create_task(run(reconciler, 1))
    await asyncio.sleep(1)
    worker.cancel()
    with pytest.raises(asyncio.CancelledError):
        await worker
