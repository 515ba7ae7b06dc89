"""`status.retrying`: the number of cases that wait for their next attempt, and the newest few of them.

It costs O(live): a waiting case has a Job, and at most twice `parallelism` Jobs are open.
"""

from datetime import datetime

from simjob.api.failures import MAX_RETRYING, Retry, Retrying
from simjob.core.assessment import Situation
from simjob.core.attempts import attemptrecord
from simjob.core.attempts.judgement import Due
from simjob.core.facts.jobs import JobFact
from simjob.core.facts.lastattempt import LastAttempt
from simjob.core.observed.children import CaseFacts


def waiting(situation: Situation) -> Retrying | None:
    """Return the cases that wait for their next attempt; None if none waits.

    A case is included until its next pod exists, also while `parallelism` delays it. A case whose next attempt starts
    without a delay is not included.
    """
    cancelling = situation.job.status.outcomes.cancelling
    found = [
        (case, verdict.job, verdict.at, _last(case, verdict.job))
        for case in situation.open
        if isinstance(verdict := situation.verdicts[case.index], Due)
        and verdict.at is not None
        and verdict.job.attempt
        and case.index not in cancelling
    ]
    if not found:
        return None
    # Without a record of the end, sort by when the next attempt is due, which has nearly the same order.
    found.sort(key=lambda each: (each[3].ended_at if each[3] else each[2], -each[0].index), reverse=True)
    newest = tuple(_retry(job, at, last) for _, job, at, last in found[:MAX_RETRYING])
    return Retrying(cases=len(found), newest=newest)


def _last(case: CaseFacts, job: JobFact) -> LastAttempt | None:
    """Return how the attempt before the current one ended; if an older version recorded it, from its pod."""
    number = job.attempt - 1
    if job.last_attempt and job.last_attempt.number == number:
        return job.last_attempt
    pod = next((pod for pod in case.pods if pod.job_uid == job.uid and pod.attempt == number and pod.ended), None)
    return attemptrecord.end_of(pod, pod.seen_at) if pod else None


def _retry(job: JobFact, at: datetime, last: LastAttempt | None) -> Retry:
    return Retry(
        index=job.index,
        name=job.case_name or None,
        attempt=job.attempt - 1,
        failed_attempts=job.failed,
        error_code=(last and last.error_code) or None,
        exit_code=last.exit_code if last else None,
        container=(last and last.container) or None,
        reason=(last and last.reason) or None,
        message=(last and last.message) or None,
        ended_at=last.ended_at if last else None,
        next_attempt_at=at,
    )
