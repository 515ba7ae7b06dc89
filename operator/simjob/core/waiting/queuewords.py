"""Why a queue holds Jobs, in Kueue's words.

Kueue keeps a Workload for each Job, and says in its conditions why the Job waits. The operator does not watch
Workloads: it lists those of a few Jobs, and only while no pod of the SimulationJob is live.
https://kueue.sigs.k8s.io/docs/concepts/workload/
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

from simjob.core.assessment import Situation
from simjob.core.facts.apiobjects import Condition, Workload
from simjob.core.facts.jobs import JobFact
from simjob.core.waiting import queuehold

# Kueue admits a new Job within a second if there is room.
PATIENCE: Final = timedelta(seconds=5)
BETWEEN_READS: Final = timedelta(seconds=30)
# The number of Jobs whose Workloads are listed, in one request.
MOST: Final = 10
# The number of different reasons in one message.
_REASONS: Final = 3

_UNKNOWN: Final = "Kueue has suspended the Jobs, and has not admitted them yet"
# Kueue gives both the reason Pending, so only its message tells a full quota from one that is too small:
# kubernetes-sigs/kueue:pkg/scheduler/flavorassigner/flavorassigner.go.
_BEYOND_QUOTA: Final = "> maximum capacity"
# The message has a reason for each flavor. With one of these, another flavor is only full at the moment.
_FULL_NOW: Final = ("insufficient unused quota", "more needed")
_MISSING: Final = "doesn't exist"


def jobs(situation: Situation) -> tuple[JobFact, ...]:
    """Return the Jobs whose Workloads to list: the first few that are held and not new, if no pod is live."""
    if situation.live_pods:
        return ()
    held = queuehold.held_jobs(situation)
    return tuple(job for job in held if job.created + PATIENCE <= situation.now)[:MOST]


def look_at(situation: Situation) -> datetime | None:
    """Return when to plan again because of such Jobs; None if there are none."""
    if situation.live_pods:
        return None
    if jobs(situation):
        return situation.now + BETWEEN_READS
    return min((job.created + PATIENCE for job in queuehold.held_jobs(situation)), default=None)


def message(situation: Situation) -> str:
    """Return why the queue holds the Jobs. If no reason is known, only that it does."""
    words = situation.observed.words
    reasons: dict[str, int] = {}
    for job in queuehold.held_jobs(situation):
        if text := words.get(job.uid):
            reasons.setdefault(text, job.index)
    if not reasons:
        return _UNKNOWN
    each = [f"case {index} {text}" for text, index in list(reasons.items())[:_REASONS]]
    return f"Kueue holds the Jobs: {'; '.join(each)}"


def words_by_job(jobs: Iterable[JobFact], workloads: Iterable[Workload]) -> Mapping[str, str]:
    """Return the reason of each Job by its uid, as the end of a sentence about its case."""
    newest: dict[str, Workload] = {}
    for workload in sorted(workloads, key=lambda found: found.metadata.creation_timestamp):
        newest[workload.of] = workload
    return {job.uid: words(newest[job.uid]) if job.uid in newest else _without(job) for job in jobs}


def words(workload: Workload) -> str:
    """Return why Kueue does not admit a Workload; empty if it does, and the Job does not show it yet."""
    evicted, reserved = _find(workload, "Evicted"), _find(workload, "QuotaReserved")
    if evicted and evicted.status != "True":
        evicted = None
    if not workload.spec.active:
        why = f": {evicted.message}" if evicted else ""
        name = workload.metadata.name
        return f"is deactivated{why}; set `spec.active` of Workload {name} to true to queue it again, or cancel it"
    parts = [f"was evicted, {evicted.reason}: {evicted.message}"] if evicted else []
    if reserved is None:
        parts.append("waits until Kueue considers it")
    elif reserved.status == "True":
        parts.extend(_unchecked(workload))
    elif not (evicted and reserved.message == evicted.message):
        parts.append(_unreserved(reserved))
    return "; ".join(parts)


def _without(job: JobFact) -> str:
    return f"has no Workload yet; if that lasts, `kubectl describe job {job.name}` says why"


def _find(workload: Workload, type_: str) -> Condition | None:
    return next((found for found in workload.status.conditions if found.type == type_), None)


def _unreserved(reserved: Condition) -> str:
    said = f"{reserved.reason}: {reserved.message}"
    if _BEYOND_QUOTA in reserved.message and not any(text in reserved.message for text in _FULL_NOW):
        return f"asks for more than the quota can ever give, {said}; ask for less `resources`, or for a larger quota"
    if _MISSING in reserved.message:
        return f"waits, {said}; create it, or cancel, and submit again with another `queueName`"
    return f"waits, {said}"


def _unchecked(workload: Workload) -> Iterable[str]:
    for check in workload.status.admission_checks:
        if check.state != "Ready":
            # Kueue gives a new check no message. That is for the controller of the check.
            said = f"{check.state}: {check.message}" if check.message else check.state
            yield f"has its quota and waits for the admission check {check.name}, {said}"
