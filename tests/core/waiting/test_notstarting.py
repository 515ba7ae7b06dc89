from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from given.builders import NOW, a_job, a_job_fact, a_pod_fact, planned
from simjob.core.facts.apiobjects import PodEventList
from simjob.core.facts.pods import PodState
from simjob.core.plan import Plan
from simjob.core.waiting import notstarting
from simjob.core.waiting.notstarting import PodEvent

LONG_AGO = NOW - timedelta(seconds=60)


def a_plan(*seen_at: datetime, **pod: Any) -> Plan:
    """Plan for cases that have had a node since then."""
    pods = [
        (a_job_fact(index), a_pod_fact(index, **{"state": PodState.ASSIGNED, "seen_at": time, **pod}))
        for index, time in enumerate(seen_at)
    ]
    children = [child for pair in pods for child in pair]
    return planned(a_job(cases={"count": len(seen_at)}), *children, spent=range(len(seen_at)))


def asked(plan: Plan) -> list[int]:
    return [pod.index for pod in plan.unstarted]


def test_events_are_read_for_a_pod_that_has_had_a_node_for_a_while() -> None:
    assert asked(a_plan(NOW - timedelta(seconds=7))) == []
    assert asked(a_plan(NOW - timedelta(seconds=8))) == [0]


def test_the_next_look_is_when_events_are_due() -> None:
    assert a_plan(NOW - timedelta(seconds=3)).look_again == NOW + timedelta(seconds=5)
    assert a_plan(LONG_AGO).look_again == NOW + timedelta(seconds=30)


def test_events_are_read_for_a_limited_number_of_pods() -> None:
    assert asked(a_plan(*[LONG_AGO] * 20)) == [0, 1, 2]


@pytest.mark.parametrize(
    "pod",
    [
        pytest.param({"state": PodState.PENDING}, id="it has no node"),
        pytest.param({"state": PodState.RUNNING}, id="it runs"),
        pytest.param({"reason": "ImagePullBackOff"}, id="its status has a reason"),
        pytest.param({"terminating": True}, id="it is being deleted"),
    ],
)
def test_no_events_are_read_for_other_pods(pod: dict[str, Any]) -> None:
    assert asked(a_plan(LONG_AGO, **pod)) == []


def event(seconds: float, reason: str, *, warning: bool = True) -> PodEvent:
    time = NOW + timedelta(seconds=seconds)
    return PodEvent(time=time, warning=warning, reason=reason, message=f"{reason} it is")


@pytest.mark.parametrize(
    ("events", "words"),
    [
        pytest.param([], "", id="no events"),
        pytest.param(
            [event(0, "Scheduled", warning=False), event(1, "FailedMount")],
            "FailedMount: FailedMount it is",
            id="a warning",
        ),
        pytest.param(
            [event(2, "FailedMount"), event(1, "FailedAttachVolume")],
            "FailedMount: FailedMount it is",
            id="the newest of two warnings",
        ),
        pytest.param(
            [event(1, "FailedMount"), event(2, "Pulling", warning=False)], "", id="a normal event after the warning"
        ),
        pytest.param(
            [event(1, "FailedMount"), event(1, "Scheduled", warning=False)],
            "FailedMount: FailedMount it is",
            id="a normal event in the same second",
        ),
        pytest.param(
            [event(1, "FailedMount"), event(1.9, "Scheduled", warning=False)],
            "FailedMount: FailedMount it is",
            id="a normal event in a fraction of the same second",
        ),
    ],
)
def test_the_newest_event_is_quoted(events: list[PodEvent], words: str) -> None:
    assert notstarting.words(events) == words


def test_an_event_counts_from_when_it_was_last_seen() -> None:
    items = [
        {"type": "Warning", "lastTimestamp": "2026-01-02T03:05:00Z", "eventTime": None},
        {"eventTime": "2026-01-02T03:05:00.5Z", "series": {"lastObservedTime": "2026-01-02T03:05:07.5Z"}},
        {"eventTime": "2026-01-02T03:05:02Z", "lastTimestamp": None},
        {"lastTimestamp": None},
    ]
    found = notstarting.events(msgspec.convert({"items": items}, PodEventList))
    assert [(event.time - NOW).total_seconds() for event in found] == [0, 7.5, 2]
    assert [event.warning for event in found] == [True, False, False]
    assert notstarting.events(PodEventList()) == ()
