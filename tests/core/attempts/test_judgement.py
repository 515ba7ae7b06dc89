from datetime import timedelta
from typing import Any, ClassVar

import pytest
from given.builders import NOW, a_job, a_job_fact, a_pod_fact, observed
from simjob.core.attempts import judgement
from simjob.core.attempts.judgement import Absent, Due, Ended, Held, Live, Outcome, Over, Verdict
from simjob.core.facts.jobs import JobFact
from simjob.core.facts.pods import PodFact, PodState

FAILED: dict[str, Any] = {"state": PodState.FAILED, "exit_code": 1, "reason": "Error"}
# Evicted for a limit of its own, and the kubelet does not say yet how its container ended.
EVICTED: dict[str, Any] = {"state": PodState.FAILED, "reason": "Evicted", "message": "too big", "over_limit": True}
STOPPED: dict[str, Any] = {"state": PodState.FAILED, "terminating": True, "gone": True}


def judge(*children: JobFact | PodFact, limit: int = 0, codes: list[int] | None = None, **spec: Any) -> Verdict:
    (case,) = observed(*children).cases
    retries = {"limit": limit, **({"nonRetryableExitCodes": codes} if codes else {})}
    return judgement.judge(case, a_job(retries=retries, **spec).spec, NOW)


def judge_third(pod: dict[str, Any], limit: int) -> Verdict:
    """Judge a case whose third attempt has this pod, after one failure."""
    job = a_job_fact(attempt=2, failed=1, active=1)
    return judge(job, a_pod_fact(job=job, **pod), limit=limit)


def counts(verdict: Over) -> dict[str, int]:
    return {"attempt": verdict.count.attempt, "failed": verdict.count.failed, "lost": verdict.count.lost}


@pytest.mark.parametrize(
    "pod",
    [
        pytest.param({"state": PodState.SUCCEEDED}, id="its pod succeeded"),
        pytest.param({"state": PodState.SUCCEEDED, "gone": True}, id="its pod succeeded and was deleted"),
    ],
)
def test_a_successful_attempt_ends_its_case(pod: dict[str, Any]) -> None:
    verdict = judge_third(pod, limit=1)
    assert isinstance(verdict, Ended)
    assert verdict.outcome is Outcome.SUCCEEDED


@pytest.mark.parametrize(
    "pod",
    [
        pytest.param(FAILED, id="an exit code"),
        pytest.param(EVICTED, id="an eviction for the pod's own limit"),
    ],
)
def test_a_failure_beyond_the_limit_fails_its_case(pod: dict[str, Any]) -> None:
    verdict = judge_third(pod, limit=1)
    assert isinstance(verdict, Ended)
    assert verdict.outcome is Outcome.FAILED


@pytest.mark.parametrize(
    "pod",
    [
        pytest.param(FAILED, id="an exit code"),
        pytest.param(FAILED | {"gone": True}, id="an exit code of a deleted pod"),
        pytest.param(EVICTED, id="an eviction for the pod's own limit"),
        pytest.param(EVICTED | {"exit_code": 0}, id="an eviction with exit code 0"),
        pytest.param(EVICTED | {"exit_code": 137}, id="an eviction with exit code 137"),
    ],
)
def test_a_failure_within_the_limit_is_counted(pod: dict[str, Any]) -> None:
    verdict = judge_third(pod, limit=2)
    assert isinstance(verdict, Over)
    assert counts(verdict) == {"attempt": 3, "failed": 2, "lost": 0}


@pytest.mark.parametrize(
    "pod",
    [
        pytest.param(FAILED | {"disrupted": True}, id="a disrupted pod that failed"),
        pytest.param(
            {"state": PodState.SUCCEEDED, "exit_code": 0, "disrupted": True},
            id="a pod that its node stopped and that exited with 0",
        ),
        pytest.param({"state": PodState.FAILED, "reason": "UnexpectedAdmissionError"}, id="rejected by its kubelet"),
        pytest.param(STOPPED, id="deleted while it ran"),
        pytest.param(STOPPED | {"state": PodState.SUCCEEDED}, id="deleted and exited with 0"),
        pytest.param(STOPPED | {"state": PodState.PENDING}, id="deleted before it ran"),
        pytest.param({"state": PodState.RUNNING, "gone": True, "disrupted": True}, id="disrupted and gone"),
    ],
)
def test_an_end_caused_by_the_cluster_does_not_count_as_a_failure(pod: dict[str, Any]) -> None:
    verdict = judge_third(pod, limit=1)
    assert isinstance(verdict, Over)
    assert counts(verdict) == {"attempt": 3, "failed": 1, "lost": 0}


def test_a_pod_that_vanished_without_a_cause_counts_as_lost() -> None:
    verdict = judge_third({"state": PodState.RUNNING, "gone": True}, limit=1)
    assert isinstance(verdict, Over)
    assert counts(verdict) == {"attempt": 3, "failed": 1, "lost": 1}


def test_only_a_failure_makes_the_next_attempt_wait() -> None:
    job = a_job_fact()
    failed = judge(job, a_pod_fact(job=job, **FAILED), limit=1)
    evicted = judge(job, a_pod_fact(job=job, **FAILED, disrupted=True), limit=1)
    assert isinstance(failed, Over)
    assert isinstance(evicted, Over)
    assert failed.count.not_before == NOW + timedelta(seconds=10)
    assert evicted.count.not_before is None


@pytest.mark.parametrize("lost", [0, 1])
def test_a_pod_that_vanished_without_a_reason_is_replaced(lost: int) -> None:
    verdict = judge(a_job_fact(attempt=lost, lost=lost, active=1))
    assert isinstance(verdict, Over)
    assert (verdict.count.attempt, verdict.count.lost, verdict.count.failed) == (lost + 1, lost + 1, 0)
    assert verdict.count.not_before is None


def test_the_third_pod_in_a_row_that_vanished_fails_the_case() -> None:
    verdict = judge(a_job_fact(attempt=2, lost=2, active=1), limit=5)
    assert isinstance(verdict, Ended)
    assert (verdict.outcome, verdict.error_code) == (Outcome.FAILED, "LOST")


def test_an_attempt_with_an_outcome_resets_the_count_of_lost_pods() -> None:
    job = a_job_fact(attempt=2, lost=2)
    verdict = judge(job, a_pod_fact(job=job, **FAILED), limit=1)
    assert isinstance(verdict, Over)
    assert verdict.count.lost == 0


def test_a_failure_is_reported_with_its_exit_code_and_reason() -> None:
    job = a_job_fact(failed=1)
    verdict = judge(job, a_pod_fact(job=job, state=PodState.FAILED, exit_code=137, reason="OOMKilled", message="big"))
    assert isinstance(verdict, Ended)
    assert (verdict.failures, verdict.exit_code, verdict.reason, verdict.message) == (2, 137, "OOMKilled", "big")


@pytest.mark.parametrize("state", [PodState.PENDING, PodState.ASSIGNED, PodState.RUNNING])
def test_a_stopping_pod_is_still_live(state: PodState) -> None:
    job = a_job_fact()
    for terminating in (False, True):
        assert isinstance(judge(job, a_pod_fact(job=job, state=state, terminating=terminating)), Live)


def test_a_job_without_a_pod_is_due_after_its_back_off() -> None:
    later = NOW + timedelta(seconds=20)
    assert judge(a_job_fact()) == Due(job=a_job_fact(), at=None)
    assert judge(a_job_fact(not_before=later)) == Due(job=a_job_fact(not_before=later), at=later)


def test_a_failed_pod_of_an_earlier_attempt_changes_nothing() -> None:
    job = a_job_fact(attempt=1, failed=1)
    assert isinstance(judge(job, a_pod_fact(job=job, attempt=0, **FAILED)), Due)


@pytest.mark.parametrize("held", [{"suspended": True}, {"terminating": True}])
def test_a_suspended_or_deleted_job_gets_no_pod(held: dict[str, Any]) -> None:
    assert isinstance(judge(a_job_fact(**held)), Held)


def test_a_job_that_its_queue_evicted_counts_the_stopped_pod_first() -> None:
    job = a_job_fact(suspended=True, active=1)
    assert isinstance(judge(job, a_pod_fact(job=job, **STOPPED)), Over)


def test_a_finished_job_needs_no_pod() -> None:
    done = judge(a_job_fact(succeeded=True))
    failed = judge(a_job_fact(succeeded=False, status_failed=3, finish_reason="Why", finish_message="how"))
    assert isinstance(done, Ended)
    assert done.succeeded
    assert isinstance(failed, Ended)
    assert (failed.outcome, failed.failures, failed.reason, failed.message) == (Outcome.FAILED, 3, "Why", "how")


def test_a_failed_job_is_reported_with_the_words_of_its_pod() -> None:
    job = a_job_fact(succeeded=False, finish_reason="BackoffLimitExceeded")
    verdict = judge(job, a_pod_fact(job=job, state=PodState.FAILED, exit_code=9, reason="Error"))
    assert isinstance(verdict, Ended)
    assert (verdict.exit_code, verdict.reason) == (9, "Error")


@pytest.mark.parametrize(
    ("pod", "verdict"),
    [
        pytest.param({"state": PodState.SUCCEEDED}, Ended, id="it succeeded"),
        pytest.param({"state": PodState.SUCCEEDED, "gone": True}, Ended, id="it succeeded and vanished"),
        pytest.param({"state": PodState.SUCCEEDED, "stopped": True}, Absent, id="it succeeded after a stop signal"),
        pytest.param(FAILED, Absent, id="it failed"),
        pytest.param({"state": PodState.RUNNING, "gone": True}, Absent, id="it vanished while it ran"),
        pytest.param({"state": PodState.RUNNING}, Live, id="it still runs"),
    ],
)
def test_only_a_success_counts_once_the_job_was_deleted(pod: dict[str, Any], verdict: type[Verdict]) -> None:
    assert isinstance(judge(a_pod_fact(**pod)), verdict)


def test_the_job_with_the_most_restarts_counts() -> None:
    old, new = a_job_fact(succeeded=True), a_job_fact(restarts=1)
    assert judge(old, new) == Due(job=new, at=None)


class TestExitCodes:
    @pytest.mark.parametrize(
        ("code", "more", "expected"),
        [
            pytest.param(2, {}, Ended, id="a non-retried exit code"),
            pytest.param(3, {}, Over, id="another exit code"),
            pytest.param(2, {"disrupted": True}, Over, id="a disrupted pod"),
            pytest.param(2, {"stopped": True}, Over, id="a deleted pod"),
        ],
    )
    def test_a_non_retried_exit_code_fails_the_case_unless_the_cluster_ended_the_pod(
        self, code: int, more: dict[str, Any], expected: type[Verdict]
    ) -> None:
        job = a_job_fact()
        pod = a_pod_fact(job=job, state=PodState.FAILED, exit_code=code, **more)
        verdict = judge(job, pod, limit=5, codes=[1, 2])
        assert isinstance(verdict, expected)
        if isinstance(verdict, Ended):
            assert (verdict.failures, verdict.exit_code, verdict.why) == (1, 2, "PodFailurePolicy")


OVERRAN: dict[str, Any] = {"state": PodState.FAILED, "reason": "DeadlineExceeded", "message": "too long"}


class TestPersistent:
    @pytest.mark.parametrize(
        ("pod", "pause"),
        [
            pytest.param({"state": PodState.SUCCEEDED, "exit_code": 0}, 2, id="it succeeded"),
            pytest.param({"state": PodState.FAILED, "exit_code": 9}, 2, id="it failed"),
            pytest.param(
                {"state": PodState.SUCCEEDED, "started": NOW, "finished": NOW + timedelta(minutes=9)},
                2,
                id="it succeeded after less than ten minutes",
            ),
            pytest.param(
                {"state": PodState.SUCCEEDED, "started": NOW, "finished": NOW + timedelta(minutes=10)},
                None,
                id="it succeeded after ten minutes",
            ),
            pytest.param({"state": PodState.FAILED, "exit_code": 9, "disrupted": True}, 2, id="a disrupted pod failed"),
        ],
    )
    def test_an_exit_starts_the_next_attempt_after_a_back_off(self, pod: dict[str, Any], pause: int | None) -> None:
        job = a_job_fact(attempt=2)
        verdict = judge(job, a_pod_fact(job=job, **pod), task="Persistent")
        assert isinstance(verdict, Over)
        wait = timedelta(seconds=pause) if pause else None
        assert (verdict.count.attempt, verdict.count.failed) == (3, 0)
        assert verdict.count.not_before == (NOW + wait if wait else None)

    def test_a_non_retried_exit_code_ends_the_case(self) -> None:
        job = a_job_fact()
        pod = a_pod_fact(job=job, state=PodState.FAILED, exit_code=2)
        assert isinstance(judge(job, pod, task="Persistent", codes=[2]), Ended)

    def test_the_retry_limit_bounds_timeouts(self) -> None:
        job = a_job_fact(attempt=7, failed=1)
        pod = a_pod_fact(job=job, **OVERRAN, exit_code=137, started=NOW)
        assert isinstance(judge(job, pod, task="Persistent", limit=2), Over)
        assert isinstance(judge(job, pod, task="Persistent", limit=1), Ended)

    def test_an_exit_does_not_succeed_once_the_job_was_deleted(self) -> None:
        assert isinstance(judge(a_pod_fact(state=PodState.SUCCEEDED), task="Persistent"), Absent)


class TestStartErrors:
    START_ERROR: ClassVar[dict[str, Any]] = {
        "state": PodState.FAILED,
        "exit_code": 128,
        "reason": "StartError",
        "message": "exec: /opt/solve: not found",
    }

    def test_a_container_that_cannot_start_fails_without_run_time(self) -> None:
        job = a_job_fact()
        again = judge(job, a_pod_fact(job=job, **self.START_ERROR), limit=1)
        last = judge(job, a_pod_fact(job=job, **self.START_ERROR))
        assert isinstance(again, Over)
        assert isinstance(last, Ended)
        assert (again.count.failed, again.count.seconds) == (1, 0)
        assert (last.exit_code, last.reason, last.message) == (128, "StartError", "exec: /opt/solve: not found")

    def test_a_persistent_case_that_cannot_start_is_retried_with_growing_back_off(self) -> None:
        for attempt, seconds in ((1, 1), (2, 2), (9, 60)):
            job = a_job_fact(attempt=attempt)
            verdict = judge(job, a_pod_fact(job=job, **self.START_ERROR), task="Persistent")
            assert isinstance(verdict, Over)
            assert verdict.count.not_before == NOW + timedelta(seconds=seconds)
