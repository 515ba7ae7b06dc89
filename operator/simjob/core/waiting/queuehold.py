"""Whether a queue, such as Kueue, holds a job: its Jobs are suspended, and nothing else can continue."""

from datetime import datetime, timedelta
from typing import Final

from simjob.core.assessment import Situation
from simjob.core.attempts.judgement import Due, Held, Over
from simjob.core.facts.jobs import JobFact
from simjob.core.waiting import suspendedtime

# A queue that admits one short case after the other leaves gaps between them. The phase must not change in each.
SETTLING: Final = timedelta(seconds=10)


def held_jobs(situation: Situation) -> list[JobFact]:
    """Return the Jobs that the queue holds, in the order of their cases."""
    found = (verdict.job for verdict in situation.verdicts.values() if isinstance(verdict, Held))
    return [job for job in found if job.suspended and not job.terminating]


def is_held(situation: Situation) -> bool:
    """Return whether only the queue keeps the job from continuing.

    Then a Job is held, no pod is live, no attempt is due, no creation is refused, and no case waits for an earlier pod.
    """
    others = any(isinstance(verdict, Due | Over) for verdict in situation.verdicts.values())
    observed = situation.observed
    return bool(held_jobs(situation)) and not (others or situation.live_pods or observed.refusal or observed.earlier)


def has_settled(situation: Situation) -> bool:
    """Return whether the job has been held for some time."""
    at = _settles_at(situation)
    return at is not None and at <= situation.now


def look_at(situation: Situation) -> datetime | None:
    """Return when the job will have been held for some time; None if it is not held, or that time has passed."""
    at = _settles_at(situation)
    return at if at and at > situation.now else None


def _settles_at(situation: Situation) -> datetime | None:
    if not is_held(situation):
        return None
    return (suspendedtime.queued_since(situation.job.status) or situation.now) + SETTLING
