"""The Workloads of held Jobs are listed beside the passes, rarely, and what Kueue says reaches the status."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

import pytest
from given.builders import a_job_fact
from given.kueue import FULL, NO_QUEUE, a_workload
from simjob.core.facts.apiobjects import Workload
from simjob.core.waiting import queuewords
from simjob.runtime.client import errors
from simjob.runtime.client.key import Key
from simjob.runtime.store.workqueue import WorkQueue
from simjob.runtime.watching import workloads
from simjob.runtime.watching.workloads import Workloads
from worlds.fakes import FakeCluster
from worlds.oneoperator import OneOperator
from worlds.virtualtime import VirtualTimeLoop

LOOP = VirtualTimeLoop
DEFAULT = "Kueue has suspended the Jobs, and has not admitted them yet"


def hold(one: OneOperator) -> None:
    """Suspend all Jobs that have no pod yet, as Kueue's webhook does at their creation."""
    create = one.cluster.create_job

    async def suspended(namespace: str, body: bytes) -> Any:
        stored = await create(namespace, body)
        one.cluster.suspend_job(namespace, stored.fact.name, suspend=True)
        return await one.cluster.get_job(namespace, stored.fact.name)

    one.cluster.create_job = suspended  # type: ignore[method-assign]


def names(one: OneOperator) -> list[str]:
    return sorted(raw["metadata"]["name"] for raw in one.cluster.objects("jobs"))


def say(one: OneOperator, **conditions: Any) -> None:
    """Write these conditions into the Workload of each Job."""
    one.cluster.serves_workloads = True
    for raw in one.cluster.objects("jobs"):
        one.cluster.put_workload("default", a_workload(raw["metadata"]["uid"], **conditions))


def lists(one: OneOperator) -> int:
    return [call for _, call in one.calls].count("list_workloads")


async def test_status_quotes_kueue_until_the_case_is_admitted(one: OneOperator) -> None:
    hold(one)
    one.apply(cases={"count": 2}, queueName="gpus")
    async with one.operator():
        await asyncio.sleep(1)
        assert (one.status["reason"], one.status["message"]) == ("QueuedByKueue", DEFAULT)
        say(one, QuotaReserved=NO_QUEUE)
        await asyncio.sleep(6)
        assert one.status["message"].startswith("Kueue holds the Jobs: case 0 waits, Inadmissible: LocalQueue gpus")
        say(one, QuotaReserved=FULL)
        await asyncio.sleep(60)
        assert one.status["message"] == f"Kueue holds the Jobs: case 0 waits, Pending: {FULL[1]}"
        for name in names(one):
            one.cluster.suspend_job("default", name, suspend=False)
        await asyncio.sleep(2)
        one.run_pods()
        await asyncio.sleep(2)
        assert one.status["reason"] == "CasesRunning"
        one.calls.clear()
        await asyncio.sleep(300)
        assert lists(one) == 0


async def test_workloads_of_a_job_that_stays_held_are_listed_every_thirty_seconds(one: OneOperator) -> None:
    hold(one)
    one.apply(cases={"count": 50}, parallelism=50, queueName="gpus")
    async with one.operator():
        await asyncio.sleep(1)
        say(one, QuotaReserved=FULL)
        await asyncio.sleep(60)
        one.calls.clear()
        await asyncio.sleep(300)
        assert 9 <= lists(one) <= 11
        assert {call for _, call in one.calls} == {"list_workloads"}


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(None, id="Kueue is not installed"),
        pytest.param(errors.ForbiddenError("no", code=403), id="the operator has no permission"),
    ],
)
async def test_without_workloads_status_stays_as_it_is_and_the_log_says_so_once(
    one: OneOperator, error: Exception | None, caplog: pytest.LogCaptureFixture
) -> None:
    hold(one)
    one.apply(cases={"count": 3}, queueName="gpus")
    if error:
        one.cluster.refuse("list_workloads", *[error] * 100)
    with caplog.at_level(logging.INFO, logger=workloads.__name__):
        async with one.operator():
            await asyncio.sleep(60)
            before = one.status
            one.calls.clear()
            await asyncio.sleep(3600)
            assert lists(one) <= 13, "once in five minutes"
            assert {call for _, call in one.calls} == {"list_workloads"}
            assert one.status == before
    assert before["message"] == DEFAULT
    assert [record.levelname for record in caplog.records] == ["INFO"]


async def test_workloads_are_listed_again_some_minutes_after_a_refusal(one: OneOperator) -> None:
    hold(one)
    one.apply(cases={"count": 1}, queueName="gpus")
    one.cluster.refuse("list_workloads", errors.ForbiddenError("no", code=403))
    async with one.operator():
        await asyncio.sleep(1)
        say(one, QuotaReserved=FULL)
        await asyncio.sleep(60)
        assert one.status["message"] == DEFAULT
        await asyncio.sleep(workloads.CLOSED + queuewords.BETWEEN_READS.total_seconds())
        assert FULL[1] in one.status["message"]


async def test_a_passing_error_is_tried_again_at_the_next_read(one: OneOperator) -> None:
    hold(one)
    one.apply(cases={"count": 1}, queueName="gpus")
    one.cluster.refuse("list_workloads", errors.UnavailableError("away", code=503))
    async with one.operator():
        await asyncio.sleep(1)
        say(one, QuotaReserved=FULL)
        await asyncio.sleep(40)
        assert FULL[1] in one.status["message"]


async def test_a_passing_error_keeps_the_known_reason(one: OneOperator) -> None:
    hold(one)
    one.apply(cases={"count": 1}, queueName="gpus")
    async with one.operator():
        say(one, QuotaReserved=FULL)
        await asyncio.sleep(40)
        one.cluster.refuse("list_workloads", *[errors.UnavailableError("away", code=503)] * 100)
        await asyncio.sleep(120)
        assert FULL[1] in one.status["message"]


class CountingCluster(FakeCluster):
    """Takes a second for each list, and notes how many are under way at most."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.most = 0

    async def list_workloads(self, namespace: str, job_uids: Sequence[str]) -> Sequence[Workload]:
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(1)
        self.now -= 1
        return []


async def test_concurrent_lists_of_workloads_are_limited_over_all_jobs() -> None:
    cluster = CountingCluster()
    found = Workloads(cluster, WorkQueue())
    for number in range(10):
        found.ask(Key("default", str(number)), [a_job_fact(number)])
    await asyncio.sleep(20)
    assert cluster.most == 2
    found.close()


async def test_lists_that_wait_for_a_place_are_not_made_after_a_refusal() -> None:
    cluster = FakeCluster()
    cluster.refuse("list_workloads", *[errors.ForbiddenError("no", code=403)] * 10)
    found = Workloads(cluster, WorkQueue())
    for number in range(10):
        found.ask(Key("default", str(number)), [a_job_fact(number)])
    await asyncio.sleep(1)
    assert len(cluster.calls) <= 2, "those that were under way"
    found.close()


async def test_a_refusal_in_one_namespace_does_not_close_another() -> None:
    cluster = FakeCluster()
    cluster.namespaces.add("other")
    cluster.serves_workloads = True
    cluster.refuse("list_workloads", errors.ForbiddenError("no", code=403))
    found = Workloads(cluster, WorkQueue())
    found.ask(Key("default", "a"), [a_job_fact(0)])
    await asyncio.sleep(1)
    found.ask(Key("default", "b"), [a_job_fact(1)])
    found.ask(Key("other", "c"), [a_job_fact(2, namespace="other")])
    await asyncio.sleep(1)
    assert cluster.calls == ["list_workloads"] * 2
    assert found.words(Key("other", "c"))["job-2-0"].startswith("has no Workload yet")
    found.close()
