"""A new leader finds what the previous one left, even if a policy removes the operator's labels."""

import asyncio

import pytest
from simjob.runtime.client.errors import ClusterError, ForbiddenError, UnavailableError
from worlds.oneoperator import OneOperator
from worlds.virtualtime import VirtualTimeLoop

LOOP = VirtualTimeLoop
REFUSED = ForbiddenError("a policy refuses it", code=403, reason="Forbidden")


async def left_without_labels(one: OneOperator, *labels: str) -> list[str]:
    """Run two cases and remove labels from their Jobs and pods, which nobody may give back; end the operator."""
    one.apply(cases={"count": 2})
    for call in ("label_pod", "label_job"):
        one.cluster.refuse(call, *[REFUSED] * 1000)
    async with one.operator():
        one.run_pods()
        await asyncio.sleep(40)
        pods = one.pods()
        for pod in pods:
            one.cluster.relabel("pods", "default", pod, **dict.fromkeys(labels))
            one.cluster.relabel("jobs", "default", pod.removesuffix("-0"), **dict.fromkeys(labels))
        await asyncio.sleep(22)
        assert one.pods() == pods
    return pods


@pytest.mark.parametrize("labels", [("uid",), ("uid", "index", "attempt")])
async def test_the_next_leader_does_not_restart_cases_whose_labels_are_missing(
    one: OneOperator, labels: tuple[str, ...]
) -> None:
    pods = await left_without_labels(one, *labels)
    async with one.operator():
        await asyncio.sleep(32)
        assert one.pods() == pods
        for pod in pods:
            one.cluster.end_pod("default", pod)
        await asyncio.sleep(20)
        assert one.status["phase"] == "COMPLETED"


async def test_the_next_leader_stops_pods_without_labels_before_it_reports_cancelled(one: OneOperator) -> None:
    pods = await left_without_labels(one, "uid")
    await one.patch(cancel=True)
    async with one.operator():
        await asyncio.sleep(32)
        assert one.status["phase"] == "CANCELLING"
        assert all("deletionTimestamp" in raw["metadata"] for raw in one.cluster.objects("pods"))
        for pod in pods:
            one.cluster.end_pod("default", pod, 143)
        await asyncio.sleep(20)
        assert one.status["phase"] == "CANCELLED"


async def test_a_pod_without_labels_whose_job_is_gone_is_found(one: OneOperator) -> None:
    await left_without_labels(one, "uid")
    for raw in list(one.cluster.objects("jobs")):
        one.cluster.remove("jobs", "default", raw["metadata"]["name"])
    await one.patch(cancel=True)
    async with one.operator():
        await asyncio.sleep(32)
        assert one.status["phase"] == "CANCELLING"
        assert len(one.times("delete_pod")) == 2


@pytest.mark.parametrize("trouble", [UnavailableError("no answer"), ForbiddenError("no permission", code=403)])
async def test_nothing_starts_while_unlabelled_children_cannot_be_listed(
    one: OneOperator, trouble: ClusterError
) -> None:
    pods = await left_without_labels(one, "uid")
    one.cluster.refuse("list_unlabelled", *[trouble] * 4)
    async with one.operator():
        await asyncio.sleep(2)
        assert one.pods() == pods
        await asyncio.sleep(60)
        assert one.pods() == pods
        assert len(one.times("list_unlabelled")) == 5


async def test_unlabelled_children_are_listed_once_per_namespace(one: OneOperator) -> None:
    for number in range(20):
        one.apply(metadata={"name": f"sweep-{number}", "namespace": "default"}, cases={"count": 1})
    async with one.operator():
        await asyncio.sleep(10)
        assert len(one.pods()) == 20
        assert one.times("list_unlabelled") == [], "nobody made anything before"
    one.calls.clear()
    async with one.operator():
        await asyncio.sleep(10)
        assert len(one.times("list_jobs")) == 20
        assert len(one.times("list_unlabelled")) == 1
