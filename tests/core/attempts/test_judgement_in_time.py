"""Attempts that take too long: what the operator concludes, and what the kubelet has ended."""

from datetime import timedelta
from typing import Any

import pytest
from given.builders import NOW, a_job, a_job_fact, a_pod_fact, observed
from simjob.core.attempts import judgement
from simjob.core.attempts.judgement import Ended, Live, Outcome, Over, Verdict
from simjob.core.facts.jobs import JobFact
from simjob.core.facts.pods import PodFact, PodState


def judge(*children: JobFact | PodFact, limit: int = 0, codes: tuple[int, ...] = (), **spec: Any) -> Verdict:
    (case,) = observed(*children).cases
    retries = {"limit": limit, **({"nonRetryableExitCodes": [*codes]} if codes else {})}
    return judgement.judge(case, a_job(retries=retries, **spec).spec, NOW)


BOUNDS: dict[str, Any] = {"timeouts": {"assignSeconds": 30, "startSeconds": 60, "runSeconds": 90}}


START_TIMEOUT: dict[str, Any] = {"error_code": "START_TIMEOUT", "error_message": "not within 60 s"}


OVERRAN: dict[str, Any] = {"state": PodState.FAILED, "reason": "DeadlineExceeded", "message": "too long"}


class TestTimeouts:
    def waiting(self, job: JobFact, seconds: int, **fact: Any) -> Verdict:
        created = NOW - timedelta(seconds=seconds)
        pod = a_pod_fact(job=job, state=PodState.PENDING, reason="Unschedulable", created=created, **fact)
        return judge(job, pod, limit=1, **BOUNDS)

    def test_a_pod_that_timed_out_is_counted_while_it_still_exists(self) -> None:
        job = a_job_fact(attempt=3, failed=0, lost=1)
        verdict = self.waiting(job, 30)
        assert isinstance(verdict, Live)
        count = verdict.timed_out
        assert count
        assert (count.attempt, count.failed, count.lost, count.error_code) == (4, 1, 0, "ASSIGN_TIMEOUT")
        assert count.error_message == "no node within 30 s: Unschedulable"
        assert count.not_before == NOW + timedelta(seconds=10)

    @pytest.mark.parametrize(
        ("seconds", "job", "pod"),
        [
            pytest.param(29, {}, {}, id="one second is left"),
            pytest.param(99, {}, {"terminating": True}, id="its pod is being deleted"),
            pytest.param(99, {"suspended": True}, {}, id="the Job is suspended"),
            pytest.param(99, {"terminating": True}, {}, id="the Job is being deleted"),
            pytest.param(
                99, {"attempt": 1, "failed": 1}, {"attempt": 0}, id="it was counted and the Job is at the next attempt"
            ),
        ],
    )
    def test_a_pod_with_time_left_or_being_deleted_is_live(
        self, seconds: int, job: dict[str, Any], pod: dict[str, Any]
    ) -> None:
        verdict = self.waiting(a_job_fact(**job), seconds, **pod)
        assert isinstance(verdict, Live)
        assert verdict.timed_out is None

    def test_the_last_timeout_fails_the_case_once_its_pod_is_gone(self) -> None:
        job = a_job_fact(attempt=2, failed=2, **START_TIMEOUT)
        assert isinstance(judge(job, a_pod_fact(job=job, attempt=1), limit=1), Live)
        for late in (a_pod_fact(job=job, attempt=1, state=PodState.SUCCEEDED), job):
            verdict = judge(job, *([late] if late is not job else []), limit=1)
            assert isinstance(verdict, Ended)
            assert (verdict.outcome, verdict.failures, verdict.error_code) == (Outcome.FAILED, 2, "START_TIMEOUT")
            assert (verdict.reason, verdict.message, verdict.why) == (
                "DeadlineExceeded",
                "not within 60 s",
                "DeadlineExceeded",
            )

    def test_the_job_status_alone_leads_to_the_same_verdict(self) -> None:
        before = judge(a_job_fact(attempt=1, failed=1, **START_TIMEOUT))
        after = judge(a_job_fact(attempt=1, failed=1, status_failed=1, succeeded=False, **START_TIMEOUT))
        assert isinstance(before, Ended)
        assert isinstance(after, Ended)
        assert (before.error_code, before.message) == (after.error_code, after.message)

    @pytest.mark.parametrize("exit_code", [None, 137])
    def test_a_pod_ended_by_its_deadline_ran_too_long(self, exit_code: int | None) -> None:
        job = a_job_fact()
        ran = {**OVERRAN, "exit_code": exit_code, "started": NOW}
        verdict = judge(job, a_pod_fact(job=job, **ran), codes=(137,))
        assert isinstance(verdict, Ended)
        assert (verdict.error_code, verdict.reason, verdict.why) == (
            "EXECUTION_TIMEOUT",
            "DeadlineExceeded",
            "DeadlineExceeded",
        )
        retried = judge(job, a_pod_fact(job=job, **ran), limit=1)
        assert isinstance(retried, Over)
        assert (retried.count.failed, retried.count.error_code) == (1, "")

    def test_a_pod_ended_by_its_deadline_before_it_ran_did_not_start(self) -> None:
        job = a_job_fact()
        verdict = judge(job, a_pod_fact(job=job, **OVERRAN))
        assert isinstance(verdict, Ended)
        assert verdict.error_code == "START_TIMEOUT"

    def test_the_condition_of_a_failed_job_reports_that_it_ran_too_long(self) -> None:
        finished = a_job_fact(succeeded=False, status_failed=1, finish_reason="DeadlineExceeded")
        verdict = judge(finished)
        assert isinstance(verdict, Ended)
        assert verdict.error_code == "EXECUTION_TIMEOUT"
