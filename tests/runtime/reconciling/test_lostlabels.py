"""A child that leaves the watches without being deleted stays known, gets its label back, or is read again."""

import asyncio

import pytest
from given.builders import NOW
from simjob.core.facts.pods import PodFact
from simjob.runtime.client.errors import ForbiddenError, UnavailableError
from simjob.runtime.reconciling import lostlabels
from worlds.oneoperator import OneOperator
from worlds.virtualtime import VirtualTimeLoop

LOOP = VirtualTimeLoop
REFUSED = ForbiddenError("a policy refuses it", code=403, reason="Forbidden")


async def running(one: OneOperator) -> str:
    (pod,) = one.pods()
    one.run_pods(pod)
    await asyncio.sleep(1)
    return pod


async def test_a_pod_that_lost_its_label_gets_it_back_and_is_not_replaced(one: OneOperator) -> None:
    one.apply(cases={"count": 1})
    async with one.operator():
        pod = await running(one)
        one.cluster.relabel("pods", "default", pod, uid=None)
        await asyncio.sleep(20)
        assert one.pods() == [pod]
        assert len(one.times("label_pod")) == 1
        one.cluster.end_pod("default", pod, 0)
        await asyncio.sleep(2)
        assert one.status["phase"] == "COMPLETED"


async def test_a_job_that_lost_its_label_gets_it_back_and_its_pod_runs_on(one: OneOperator) -> None:
    one.apply(cases={"count": 1})
    async with one.operator():
        pod = await running(one)
        one.cluster.relabel("jobs", "default", pod.removesuffix("-0"), uid=None)
        await asyncio.sleep(20)
        assert one.pods() == [pod]
        assert (len(one.times("label_job")), one.times("delete_pod")) == (1, [])
        one.cluster.end_pod("default", pod, 0)
        await asyncio.sleep(2)
        assert (one.status["phase"], one.status.get("restarts", 0)) == ("COMPLETED", 0)


@pytest.mark.parametrize("exit_code", [0, 1])
async def test_a_finished_job_that_loses_its_label_does_not_run_its_case_again(
    one: OneOperator, exit_code: int
) -> None:
    one.apply(cases={"count": 3}, retries={"limit": 0})
    async with one.operator():
        first, second, _ = one.pods()
        one.run_pods()
        await asyncio.sleep(2)
        one.cluster.end_pod("default", first, 0)
        await asyncio.sleep(0.1)
        one.cluster.end_pod("default", second, exit_code)
        await asyncio.sleep(0.1)
        job = next(raw for raw in one.cluster.objects("jobs") if raw["metadata"]["name"] == second.removesuffix("-0"))
        assert (one.status["failedIndexes"], one.status["succeededIndexes"]) == ("", "0")
        assert job["status"]["conditions"], "the Job says how its case ended before the status does"
        one.cluster.relabel("jobs", "default", job["metadata"]["name"], uid=None)
        one.cluster.relabel("pods", "default", second, uid=None)
        await asyncio.sleep(30)
        assert len(one.times("create_pod")) == 3
        assert one.status["cases"]["failed"] == exit_code


async def test_a_pod_whose_label_cannot_be_restored_is_followed_to_its_end(one: OneOperator) -> None:
    one.apply(cases={"count": 1})
    one.cluster.refuse("label_pod", *[REFUSED] * 100)
    async with one.operator():
        pod = await running(one)
        one.cluster.relabel("pods", "default", pod, uid=None)
        await asyncio.sleep(30)
        assert 5 <= len(one.times("label_pod")) <= 8
        one.cluster.end_pod("default", pod, 0)
        await asyncio.sleep(10)
        assert one.pods() == [pod]
        assert one.status["phase"] == "COMPLETED"


@pytest.mark.parametrize("refused", [0, 100])
async def test_cancelled_is_not_written_while_an_unlabelled_pod_runs(one: OneOperator, refused: int) -> None:
    one.apply(cases={"count": 1})
    one.cluster.refuse("label_pod", *[REFUSED] * refused)
    async with one.operator():
        pod = await running(one)
        one.cluster.relabel("pods", "default", pod, uid=None)
        await one.patch(cancel=True)
        await asyncio.sleep(20)
        assert one.status["phase"] == "CANCELLING"
        one.cluster.end_pod("default", pod, 143)
        await asyncio.sleep(10)
        assert one.status["phase"] == "CANCELLED"


async def test_a_pod_that_lost_its_label_while_no_operator_ran_is_found_by_name(one: OneOperator) -> None:
    one.apply(cases={"count": 1})
    async with one.operator():
        pod = await running(one)
        await asyncio.sleep(5)
    one.cluster.relabel("pods", "default", pod, uid=None)
    async with one.operator():
        await asyncio.sleep(20)
        assert one.pods() == [pod]
        assert one.status["cases"]["running"] == 1
        await one.patch(cancel=True)
        await asyncio.sleep(1)
        assert one.status["phase"] == "CANCELLING"
        one.cluster.end_pod("default", pod, 143)
        await asyncio.sleep(10)
        assert one.status["phase"] == "CANCELLED"


async def test_a_pod_that_is_deleted_by_force_is_looked_up_once_and_replaced(one: OneOperator) -> None:
    one.apply(cases={"count": 1})
    async with one.operator():
        pod = await running(one)
        one.cluster.remove("pods", "default", pod)
        await asyncio.sleep(2)
        assert one.pods() == [pod.removesuffix("0") + "1"]
        assert len(one.times("get_pod")) == 1


async def test_a_failed_read_does_not_delay_a_cancel(one: OneOperator) -> None:
    one.apply(cases={"count": 2})
    async with one.operator():
        first, second = one.pods()
        one.run_pods(first, second)
        await asyncio.sleep(1)
        one.cluster.refuse("get_pod", *[UnavailableError("no answer")] * 3)
        one.cluster.relabel("pods", "default", first, uid=None)
        await one.patch(cancel=True)
        await asyncio.sleep(1)
        assert len(one.times("delete_pod")) == 2
        for pod in (first, second):
            one.cluster.end_pod("default", pod, 143)
        await asyncio.sleep(30)
        assert one.status["phase"] == "CANCELLED"


async def test_a_refused_label_patch_is_logged_once_per_pod(one: OneOperator, caplog: pytest.LogCaptureFixture) -> None:
    one.apply(cases={"count": 1})
    one.cluster.refuse("label_pod", *[REFUSED] * 100)
    async with one.operator():
        pod = await running(one)
        one.cluster.relabel("pods", "default", pod, uid=None)
        await asyncio.sleep(30)
    assert len([record for record in caplog.records if "cannot restore a missing label" in record.message]) == 1


async def test_a_cancel_does_not_wait_for_hundreds_of_pod_lookups(
    one: OneOperator, monkeypatch: pytest.MonkeyPatch
) -> None:
    get_pod = one.cluster.get_pod

    async def slow(namespace: str, name: str, owner_uid: str = "") -> PodFact:
        await asyncio.sleep(1)
        return await get_pod(namespace, name, owner_uid)

    count = 10 * lostlabels.AT_ONCE
    one.apply(cases={"count": count}, parallelism=count)
    async with one.operator():
        await asyncio.sleep(20)
        pods = one.pods()
        assert len(pods) == count
        one.run_pods(*pods)
        await asyncio.sleep(10)
        monkeypatch.setattr(one.cluster, "get_pod", slow)
        for pod in pods:
            one.cluster.relabel("pods", "default", pod, uid=None)
        await asyncio.sleep(0.5)
        asked = (one.clock() - NOW).total_seconds()
        await one.patch(cancel=True)
        await asyncio.sleep(20)
        assert one.times("delete_pod")[0] - asked < 2


async def test_a_copy_of_a_pod_is_neither_counted_nor_stopped(one: OneOperator) -> None:
    one.apply(cases={"count": 1})
    async with one.operator():
        pod = await running(one)
        (raw,) = one.cluster.objects("pods")
        meta = {"name": f"{pod}-debug", "labels": raw["metadata"]["labels"]}
        one.cluster.put("pods", "default", {**raw, "metadata": meta})
        one.cluster.end_pod("default", f"{pod}-debug", 0)
        one.cluster.set_pod("default", pod, phase="Running")
        await asyncio.sleep(5)
        assert one.status["phase"] == "RUNNING"
        one.cluster.end_pod("default", pod, 3)
        await asyncio.sleep(2)
        assert (one.status["phase"], one.status["failures"][0]["exitCode"]) == ("FAILED", 3)
        assert f"{pod}-debug" in one.pods()


async def test_a_running_copy_of_a_pod_does_not_delay_cancelled(one: OneOperator) -> None:
    one.apply(cases={"count": 1})
    async with one.operator():
        pod = await running(one)
        (raw,) = one.cluster.objects("pods")
        meta = {"name": f"{pod}-debug", "labels": raw["metadata"]["labels"]}
        one.cluster.put("pods", "default", {**raw, "metadata": meta})
        await one.patch(cancel=True)
        await asyncio.sleep(1)
        one.cluster.end_pod("default", pod, 143)
        await asyncio.sleep(2)
        assert one.status["phase"] == "CANCELLED"
        assert one.pods() == [f"{pod}-debug"]


async def test_a_job_that_lost_its_label_while_no_operator_ran_is_found_by_its_pod(one: OneOperator) -> None:
    one.apply(cases={"count": 1})
    async with one.operator():
        pod = await running(one)
    one.cluster.relabel("jobs", "default", pod.removesuffix("-0"), uid=None)
    async with one.operator():
        await asyncio.sleep(20)
        assert (one.pods(), one.times("delete_pod")) == ([pod], [])
        one.cluster.end_pod("default", pod, 0)
        await asyncio.sleep(2)
        assert (one.status["phase"], one.status.get("restarts", 0)) == ("COMPLETED", 0)


async def test_lookups_stop_after_the_first_failed_read(one: OneOperator) -> None:
    one.apply(cases={"count": 200}, parallelism=200)
    async with one.operator():
        await asyncio.sleep(5)
        pods = one.pods()
        one.run_pods(*pods)
        await asyncio.sleep(5)
    for pod in pods:
        one.cluster.relabel("pods", "default", pod, uid=None)
    one.cluster.refuse("get_pod", *[UnavailableError("no answer")] * 5)
    async with one.operator():
        assert len(one.times("get_pod")) == 1
        await asyncio.sleep(60)
        assert len(one.times("get_pod")) >= 5 + 200, "all are read when the API server answers again"
        assert one.pods() == pods
