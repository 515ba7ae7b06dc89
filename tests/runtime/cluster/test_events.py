import asyncio
import logging

import pytest
from given.builders import NOW, UID, a_job
from simjob.core.plan import Notice
from simjob.runtime.client.errors import ForbiddenError, UnavailableError
from simjob.runtime.cluster.events import Recorder
from worlds.fakes import FakeCluster
from worlds.virtualtime import VirtualTimeLoop

LOOP = VirtualTimeLoop

DONE = Notice(reason="AllCasesSucceeded", action="Completed", note="all 3 cases succeeded")
TROUBLE = Notice(reason="PodRefused", action="Running", note="exceeded quota", warning=True)


async def record(cluster: FakeCluster, *notices: Notice) -> None:
    recorder = Recorder(cluster, lambda: NOW)
    recorder.note(a_job().metadata, notices)
    await recorder.flush()


async def test_a_notice_becomes_an_event_of_the_simulationjob() -> None:
    cluster = FakeCluster()
    await record(cluster, DONE, TROUBLE)
    first, second = cluster.events
    assert (first.namespace, first.name, first.uid, first.time) == ("default", "sweep", UID, NOW)
    assert (first.type, first.reason, first.action, first.note) == ("Normal", DONE.reason, DONE.action, DONE.note)
    assert (second.type, second.reason) == ("Warning", "PodRefused")


@pytest.mark.parametrize("error", [ForbiddenError("no", code=403), UnavailableError("no answer")])
async def test_a_failed_event_is_logged_and_the_next_is_posted(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    cluster = FakeCluster()
    cluster.refuse("create_event", error)
    with caplog.at_level(logging.WARNING):
        await record(cluster, DONE, TROUBLE)
    assert [event.reason for event in cluster.events] == ["PodRefused"]
    assert caplog.messages == ["cannot post an Event"]


async def test_a_repeated_warning_is_posted_once_a_minute() -> None:
    cluster = FakeCluster()
    recorder = Recorder(cluster, lambda: NOW)
    for _ in range(3):
        recorder.note(a_job().metadata, [DONE, TROUBLE])
        await asyncio.sleep(1)
    await asyncio.sleep(60)
    recorder.note(a_job().metadata, [TROUBLE])
    await recorder.flush()
    assert [event.reason for event in cluster.events].count("PodRefused") == 2
    assert [event.reason for event in cluster.events].count(DONE.reason) == 3


async def test_posting_an_event_does_not_block() -> None:
    cluster = FakeCluster()
    recorder = Recorder(cluster, lambda: NOW)
    recorder.note(a_job().metadata, [DONE])
    assert cluster.events == []
    running = asyncio.create_task(recorder.run())
    await asyncio.sleep(1)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert [event.reason for event in cluster.events] == [DONE.reason]


async def test_the_oldest_of_too_many_events_are_dropped(caplog: pytest.LogCaptureFixture) -> None:
    cluster = FakeCluster()
    recorder = Recorder(cluster, lambda: NOW)
    recorder.note(a_job().metadata, [Notice(reason=f"R{number}", action="A", note="") for number in range(1001)])
    await recorder.flush()
    assert (len(cluster.events), cluster.events[0].reason) == (1000, "R1")
    assert "dropped the oldest Event" in caplog.text
