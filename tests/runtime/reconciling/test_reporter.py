import asyncio
from collections.abc import Mapping
from typing import Any

from given.outcomes import FIELDS, outcomes_of
from simjob.runtime.client import errors
from simjob.runtime.watching.sinks import JobSink, PodSink
from worlds.oneoperator import OneOperator
from worlds.virtualtime import VirtualTimeLoop

LOOP = VirtualTimeLoop


async def test_status_is_written_before_anything_is_created(one: OneOperator) -> None:
    one.apply(cases={"count": 2})
    async with one.operator():
        assert [call for _, call in one.calls][:3] == [
            "list_earlier_pods",
            "patch_simulationjob_status",
            "create_event",
        ]
        assert one.status["startTime"]
        assert len(one.pods()) == 2


async def test_counts_are_written_once_a_second_and_phases_immediately(one: OneOperator) -> None:
    one.apply(cases={"count": 30}, parallelism=30)
    async with one.operator():
        for number, name in enumerate(one.pods()):
            one.cluster.set_pod("default", name, node="node-1")
            one.cluster.set_pod("default", name, phase="Running")
            await asyncio.sleep(0.1)
            if number == 0:
                assert one.status["phase"] == "RUNNING"
        await asyncio.sleep(1)
        assert one.status["cases"]["running"] == 30
        # Two phases at once, then the counts of three seconds.
        assert len(one.times("patch_simulationjob_status")) <= 3 + 4


async def test_after_an_upgrade_of_the_crd_the_next_outcome_stores_all_outcomes(one: OneOperator) -> None:
    write = one.cluster.patch_simulationjob_status

    async def pruned(namespace: str, name: str, resource_version: str, status: Mapping[str, Any]) -> str:
        known = {key: value for key, value in status.items() if key not in (*FIELDS, "restarts")}
        return await write(namespace, name, resource_version, known)

    one.cluster.patch_simulationjob_status = pruned  # type: ignore[method-assign]
    one.apply(cases={"count": 3}, retries={"limit": 0})
    async with one.operator():
        failed, succeeds, _ = one.pods()
        one.cluster.end_pod("default", failed, 1)
        await asyncio.sleep(2)
        assert (one.status["ledger"]["failed"], outcomes_of(one.status)) == ("0", {}), "the CRD is of the last release"
        one.cluster.patch_simulationjob_status = write  # type: ignore[method-assign]
        one.cluster.end_pod("default", succeeds, 0)
        await asyncio.sleep(2)
        assert outcomes_of(one.status) == {"succeeded": "1", "failed": "0", "cancelled": ""}
        assert one.status["restarts"] == one.status["round"]


async def test_after_a_conflict_the_newest_state_decides(one: OneOperator) -> None:
    one.apply()
    async with one.operator():
        # The watch does not report the cancel; the refused write of a new phase does.
        one.cluster.watch(JobSink(one.store), PodSink(one.store, one.clock))
        await one.patch(cancel=True)
        one.cluster.set_pod("default", one.pods()[0], node="node-1", phase="Running")
        await asyncio.sleep(1)
        assert one.status["phase"] == "CANCELLING"
        assert one.times("get_simulationjob")


async def test_repeated_conflicts_postpone_the_status_write(one: OneOperator) -> None:
    one.apply()
    one.cluster.refuse("patch_simulationjob_status", *[errors.ConflictError("changed", code=409)] * 6)
    async with one.operator():
        await asyncio.sleep(5)
        assert one.times("patch_simulationjob_status")[:7] == [0.0, 0.0, 0.1, 0.3, 0.7, 1.5, 3.1]
        assert one.status["phase"] == "PENDING"


async def test_a_pod_that_the_watch_has_not_shown_delays_cancelled(one: OneOperator) -> None:
    one.apply(cases={"count": 1})
    async with one.operator():
        (pod,) = one.pods()
        one.cluster.set_pod("default", pod, node="node-1", phase="Running")
    await one.patch(cancel=True)
    async with one.operator(sees_pods=False):
        await asyncio.sleep(0.5)
        assert (one.status["phase"], one.status["cancellation"]["stopping"]) == ("CANCELLING", 1)
        one.cluster.end_pod("default", pod, 143)
        one.cluster.watch(JobSink(one.store), PodSink(one.store, one.clock), one.store)
        await asyncio.sleep(70)
        assert one.status["phase"] == "CANCELLING", "the pod's end was not seen"
    async with one.operator():
        await asyncio.sleep(1)
        assert one.status["phase"] == "CANCELLED"


async def test_a_404_that_does_not_name_the_simulationjob_removes_nothing(one: OneOperator) -> None:
    one.apply(cases={"count": 2})
    async with one.operator():
        one.run_pods()
        await asyncio.sleep(5)
        # As connection.py reads the answer for a version that is not served, or of a proxy that lost its route.
        lost = errors.UnavailableError("404 page not found", code=404)
        for call in ("patch_simulationjob_status", "get_simulationjob"):
            one.cluster.refuse(call, *[lost] * 3)
        one.cluster.end_pod("default", one.pods()[0], 0)
        await asyncio.sleep(30)
        assert (one.times("delete_pod"), one.times("delete_job")) == ([], [])
        assert one.status["cases"]["succeeded"] == 1
