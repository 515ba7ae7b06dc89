"""The Events of pods that do not start are read in the background, rarely, and reach the status."""

import asyncio

import pytest
from given.builders import a_pod_fact
from simjob.core.facts.pods import PodFact
from simjob.core.waiting.notstarting import PodEvent
from simjob.runtime.client import errors
from simjob.runtime.client.key import Key
from simjob.runtime.store.workqueue import WorkQueue
from simjob.runtime.watching.podevents import PodEvents
from worlds.fakes import FakeCluster
from worlds.oneoperator import OneOperator
from worlds.virtualtime import VirtualTimeLoop

LOOP = VirtualTimeLoop
KEY = Key("default", "u")
MISSING = 'MountVolume.SetUp failed for volume "licence" : secret "solver-licence" not found'


async def test_status_quotes_the_kubelet_until_the_pod_starts(one: OneOperator) -> None:
    one.apply(cases={"count": 2}, parallelism=1)
    async with one.operator():
        [name] = one.pods()
        one.cluster.set_pod("default", name, node="node-1")
        one.cluster.tell_of_pod("default", name, "FailedMount", MISSING)
        await asyncio.sleep(6)
        assert one.status["reason"] == "Starting"
        await asyncio.sleep(4)
        wanted = f"case 0 cannot start: FailedMount: {MISSING}"
        assert (one.status["reason"], one.status["message"]) == ("ContainerCannotStart", wanted)
        one.cluster.run_pod("default", name)
        await asyncio.sleep(3)
        assert one.status["reason"] == "CasesRunning"
        one.calls.clear()
        await asyncio.sleep(300)
        assert "list_pod_events" not in [call for _, call in one.calls]


async def test_events_of_a_pod_that_never_starts_are_read_every_thirty_seconds(
    one: OneOperator,
) -> None:
    one.apply(cases={"count": 50}, parallelism=50)
    async with one.operator():
        for name in one.pods():
            one.cluster.set_pod("default", name, node="node-1")
            one.cluster.tell_of_pod("default", name, "FailedMount", MISSING)
        await asyncio.sleep(60)
        one.calls.clear()
        await asyncio.sleep(300)
        calls = [call for _, call in one.calls]
        assert 24 <= calls.count("list_pod_events") <= 30, "three pods, every thirty seconds"
        assert set(calls) == {"list_pod_events"}


@pytest.mark.parametrize("error", [errors.ForbiddenError("no", code=403), errors.UnavailableError("away")])
async def test_unreadable_events_block_nothing(one: OneOperator, error: Exception) -> None:
    one.apply(cases={"count": 1})
    one.cluster.refuse("list_pod_events", error)
    async with one.operator():
        [name] = one.pods()
        one.cluster.set_pod("default", name, node="node-1")
        one.cluster.tell_of_pod("default", name, "FailedMount", MISSING)
        await asyncio.sleep(20)
        assert one.status["reason"] == "Starting"
        await asyncio.sleep(30)
        assert one.status["reason"] == "ContainerCannotStart"


class SlowCluster(FakeCluster):
    """Takes a second for each list, and notes how many are under way at most."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.most = 0

    async def list_pod_events(self, namespace: str, uid: str) -> list[PodEvent]:
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(1)
        self.now -= 1
        return []


async def test_concurrent_event_lists_are_limited_over_all_jobs() -> None:
    cluster = SlowCluster()
    found = PodEvents(cluster, WorkQueue())
    for number in range(10):
        found.ask(Key("default", str(number)), [a_pod(number)])
    await asyncio.sleep(20)
    assert cluster.most == 2
    found.close()


async def test_events_that_are_no_longer_needed_are_forgotten() -> None:
    cluster = FakeCluster()
    queue = WorkQueue()
    found = PodEvents(cluster, queue)
    cluster.pod_events.append(("default", a_pod(0).uid, a_warning()))
    found.ask(KEY, [a_pod(0)])
    assert await queue.get() == KEY
    assert found.words(KEY) == {a_pod(0).uid: "FailedMount: no"}
    found.ask(KEY, [a_pod(1)])
    assert found.words(KEY) == {}
    found.ask(KEY, [])
    found.close()


def a_pod(index: int) -> PodFact:
    return a_pod_fact(index)


def a_warning() -> PodEvent:
    return PodEvent(time=a_pod(0).created, warning=True, reason="FailedMount", message="no")
