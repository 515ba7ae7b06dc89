"""Pods that have a node and do not start, and the cause that their Events give.

The status of a pod that waits for a volume, a Secret or its network says only ContainerCreating. The cause is only in
its Events. The operator does not watch Events: it reads them for a few pods, and only while these do not start.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from simjob.core.assessment import Situation
from simjob.core.attempts.judgement import Live
from simjob.core.facts.apiobjects import PodEventList
from simjob.core.facts.pods import PodFact, PodState

# A pod starts within seconds of being assigned if its image is on the node.
PATIENCE: Final = timedelta(seconds=8)
# The kubelet retries at least every two minutes.
BETWEEN_READS: Final = timedelta(seconds=30)
MOST: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class PodEvent:
    """An Event about a pod: when it last occurred, whether it is a warning, its reason and its message."""

    time: datetime
    warning: bool
    reason: str
    message: str


def pods(situation: Situation) -> tuple[PodFact, ...]:
    """Return the pods whose Events to read: the first few with a node for some time and without a reason in status."""
    return tuple(pod for pod in _silent(situation) if pod.seen_at + PATIENCE <= situation.now)[:MOST]


def look_at(situation: Situation) -> datetime | None:
    """Return when to plan again because of such pods; None if there are none."""
    if pods(situation):
        return situation.now + BETWEEN_READS
    return min((pod.seen_at + PATIENCE for pod in _silent(situation)), default=None)


def events(found: PodEventList) -> tuple[PodEvent, ...]:
    """Return the Events of a list that have a time."""
    times = [
        (event, (event.series and event.series.last_observed_time) or event.event_time or event.last_timestamp)
        for event in found.items or ()
    ]
    return tuple(
        PodEvent(time=time, warning=event.type == "Warning", reason=event.reason, message=event.message)
        for event, time in times
        if time
    )


def words(found: Iterable[PodEvent]) -> str:
    """Return reason and message of the newest Event if it is a warning; empty if not, because older ones are outdated.

    Kubelets write whole seconds, the scheduler writes microseconds. Within the same second, a warning counts as newest.
    """
    newest = max(found, key=lambda event: (event.time.replace(microsecond=0), event.warning), default=None)
    return f"{newest.reason}: {newest.message}" if newest and newest.warning else ""


def _silent(situation: Situation) -> list[PodFact]:
    found = (verdict.pod for verdict in situation.verdicts.values() if isinstance(verdict, Live))
    return [pod for pod in found if pod.state is PodState.ASSIGNED and not pod.reason and not pod.terminating]
