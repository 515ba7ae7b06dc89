import logging

import pytest
from builders import NOW, UID, a_job
from fakes import FakeCluster
from simjob.core.plan import Notice
from simjob.runtime.errors import ForbiddenError, UnavailableError
from simjob.runtime.events import Recorder
from virtualtime import VirtualTimeLoop

LOOP = VirtualTimeLoop

DONE = Notice(reason="AllCasesSucceeded", action="Completed", note="all 3 cases succeeded")
TROUBLE = Notice(reason="PodRefused", action="Running", note="exceeded quota", warning=True)


async def test_a_notice_becomes_an_event_of_the_simulationjob() -> None:
    cluster = FakeCluster()
    await Recorder(cluster, lambda: NOW).record(a_job().metadata, [DONE, TROUBLE])
    first, second = cluster.events
    assert (first.namespace, first.name, first.uid, first.time) == ("default", "sweep", UID, NOW)
    assert (first.type, first.reason, first.action, first.note) == ("Normal", DONE.reason, DONE.action, DONE.note)
    assert (second.type, second.reason) == ("Warning", "PodRefused")


async def test_a_note_that_is_too_long_is_cut() -> None:
    cluster = FakeCluster()
    await Recorder(cluster, lambda: NOW).record(a_job().metadata, [Notice(reason="R", action="A", note="x" * 5000)])
    (event,) = cluster.events
    assert (len(event.note), event.note[-2:]) == (1024, "x…")


@pytest.mark.parametrize("error", [ForbiddenError("no", code=403), UnavailableError("no answer")])
async def test_an_event_that_cannot_be_posted_is_logged_and_the_next_is_posted(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    cluster = FakeCluster()
    cluster.refuse("create_event", error)
    with caplog.at_level(logging.WARNING):
        await Recorder(cluster, lambda: NOW).record(a_job().metadata, [DONE, TROUBLE])
    assert [event.reason for event in cluster.events] == ["PodRefused"]
    assert caplog.messages == ["an Event could not be posted"]
