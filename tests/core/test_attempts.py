from datetime import timedelta
from typing import Any, ClassVar

import pytest
from builders import NOW, a_job, a_job_fact, a_pod_fact, observed
from simjob.core import attempts
from simjob.core.attempts import Absent, Due, Ended, Held, Live, Outcome, Over, Verdict
from simjob.core.facts import JobFact, PodFact, PodState

FAILED: dict[str, Any] = {"state": PodState.FAILED, "exit_code": 1, "reason": "Error"}
# Evicted for a limit of its own, and the kubelet does not say yet how its container ended.
EVICTED: dict[str, Any] = {"state": PodState.FAILED, "reason": "Evicted", "message": "too big", "over_limit": True}
STOPPED: dict[str, Any] = {"state": PodState.FAILED, "terminating": True, "gone": True}


def judge(*children: JobFact | PodFact, limit: int = 0, codes: list[int] | None = None, **spec: Any) -> Verdict:
    (case,) = observed(*children).cases
    retries = {"limit": limit, **({"nonRetryableExitCodes": codes} if codes else {})}
    return attempts.judge(case, a_job(retries=retries, **spec).spec, NOW)


@pytest.mark.parametrize(
    ("pod", "limit", "expected"),
    [
        # The pod of attempt 2, after one failure; whether the case goes on, with which attempt, failures and losses.
        ({"state": PodState.SUCCEEDED}, 1, Outcome.SUCCEEDED),
        ({"state": PodState.SUCCEEDED, "gone": True}, 1, Outcome.SUCCEEDED),
        (FAILED, 1, Outcome.FAILED),
        (FAILED, 2, (3, 2, 0)),
        (FAILED | {"gone": True}, 2, (3, 2, 0)),
        (FAILED | {"disrupted": True}, 1, (3, 1, 0)),
        # Told to stop by its node, and exits with 0.
        ({"state": PodState.SUCCEEDED, "exit_code": 0, "disrupted": True}, 1, (3, 1, 0)),
        (EVICTED, 1, Outcome.FAILED),
        (EVICTED, 2, (3, 2, 0)),
        (EVICTED | {"exit_code": 0}, 2, (3, 2, 0)),
        (EVICTED | {"exit_code": 137}, 2, (3, 2, 0)),
        ({"state": PodState.FAILED, "reason": "UnexpectedAdmissionError"}, 1, (3, 1, 0)),
        (STOPPED, 1, (3, 1, 0)),
        (STOPPED | {"state": PodState.SUCCEEDED}, 1, (3, 1, 0)),
        (STOPPED | {"state": PodState.PENDING}, 1, (3, 1, 0)),
        ({"state": PodState.RUNNING, "gone": True, "disrupted": True}, 1, (3, 1, 0)),
        ({"state": PodState.RUNNING, "gone": True}, 1, (3, 1, 1)),
    ],
)
def test_an_attempt_that_is_over_ends_the_case_or_counts(pod: dict[str, Any], limit: int, expected: Any) -> None:
    job = a_job_fact(attempt=2, failed=1, active=1)
    verdict = judge(job, a_pod_fact(job=job, **pod), limit=limit)
    if isinstance(expected, Outcome):
        assert isinstance(verdict, Ended)
        assert verdict.outcome is expected
    else:
        assert isinstance(verdict, Over)
        assert (verdict.count.attempt, verdict.count.failed, verdict.count.lost) == expected


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


def test_an_attempt_that_says_something_ends_the_row_of_lost_ones() -> None:
    job = a_job_fact(attempt=2, lost=2)
    verdict = judge(job, a_pod_fact(job=job, **FAILED), limit=1)
    assert isinstance(verdict, Over)
    assert verdict.count.lost == 0


def test_a_failure_is_told_with_its_exit_code_and_reason() -> None:
    job = a_job_fact(failed=1)
    verdict = judge(job, a_pod_fact(job=job, state=PodState.FAILED, exit_code=137, reason="OOMKilled", message="big"))
    assert isinstance(verdict, Ended)
    assert (verdict.failures, verdict.exit_code, verdict.reason, verdict.message) == (2, 137, "OOMKilled", "big")


@pytest.mark.parametrize("state", [PodState.PENDING, PodState.ASSIGNED, PodState.RUNNING])
def test_a_live_pod_is_live_also_while_it_is_being_stopped(state: PodState) -> None:
    job = a_job_fact()
    for terminating in (False, True):
        assert isinstance(judge(job, a_pod_fact(job=job, state=state, terminating=terminating)), Live)


def test_a_job_without_a_pod_is_due_when_its_time_has_come() -> None:
    later = NOW + timedelta(seconds=20)
    assert judge(a_job_fact()) == Due(job=a_job_fact(), at=None)
    assert judge(a_job_fact(not_before=later)) == Due(job=a_job_fact(not_before=later), at=later)


def test_a_failed_pod_of_an_earlier_attempt_changes_nothing() -> None:
    job = a_job_fact(attempt=1, failed=1)
    assert isinstance(judge(job, a_pod_fact(job=job, attempt=0, **FAILED)), Due)


@pytest.mark.parametrize("held", [{"suspended": True}, {"terminating": True}])
def test_a_job_that_its_queue_holds_or_that_goes_gets_no_pod(held: dict[str, Any]) -> None:
    assert isinstance(judge(a_job_fact(**held)), Held)


def test_a_job_that_its_queue_took_back_counts_the_stopped_pod_first() -> None:
    job = a_job_fact(suspended=True, active=1)
    assert isinstance(judge(job, a_pod_fact(job=job, **STOPPED)), Over)


def test_a_finished_job_needs_no_pod() -> None:
    done = judge(a_job_fact(succeeded=True))
    failed = judge(a_job_fact(succeeded=False, status_failed=3, finish_reason="Why", finish_message="how"))
    assert isinstance(done, Ended)
    assert done.succeeded
    assert isinstance(failed, Ended)
    assert (failed.outcome, failed.failures, failed.reason, failed.message) == (Outcome.FAILED, 3, "Why", "how")


def test_a_finished_job_that_failed_is_told_in_its_pods_words() -> None:
    job = a_job_fact(succeeded=False, finish_reason="BackoffLimitExceeded")
    verdict = judge(job, a_pod_fact(job=job, state=PodState.FAILED, exit_code=9, reason="Error"))
    assert isinstance(verdict, Ended)
    assert (verdict.exit_code, verdict.reason) == (9, "Error")


@pytest.mark.parametrize(
    ("pod", "verdict"),
    [
        ({"state": PodState.SUCCEEDED}, Ended),
        ({"state": PodState.SUCCEEDED, "gone": True}, Ended),
        ({"state": PodState.SUCCEEDED, "stopped": True}, Absent),
        (FAILED, Absent),
        ({"state": PodState.RUNNING, "gone": True}, Absent),
        ({"state": PodState.RUNNING}, Live),
    ],
)
def test_of_a_case_whose_job_was_deleted_only_a_success_stands(pod: dict[str, Any], verdict: type[Verdict]) -> None:
    assert isinstance(judge(a_pod_fact(**pod)), verdict)


def test_the_job_of_the_newest_round_counts() -> None:
    old, new = a_job_fact(succeeded=True), a_job_fact(round=1)
    assert judge(old, new) == Due(job=new, at=None)


BOUNDS: dict[str, Any] = {"timeouts": {"assignSeconds": 30, "startSeconds": 60, "runSeconds": 90}}
START_TIMEOUT: dict[str, Any] = {"error_code": "START_TIMEOUT", "error_message": "not within 60 s"}
OVERRAN: dict[str, Any] = {"state": PodState.FAILED, "reason": "DeadlineExceeded", "message": "too long"}


class TestTimeouts:
    def waiting(self, job: JobFact, seconds: int, **fact: Any) -> Verdict:
        created = NOW - timedelta(seconds=seconds)
        pod = a_pod_fact(job=job, state=PodState.PENDING, reason="Unschedulable", created=created, **fact)
        return judge(job, pod, limit=1, **BOUNDS)

    def test_a_pod_that_waited_too_long_is_counted_as_a_failure_while_it_is_there(self) -> None:
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
            (29, {}, {}),
            (99, {}, {"terminating": True}),
            (99, {"suspended": True}, {}),
            (99, {"terminating": True}, {}),
            # It was counted already: the Job is at the next attempt.
            (99, {"attempt": 1, "failed": 1}, {"attempt": 0}),
        ],
    )
    def test_one_that_has_time_or_is_on_its_way_out_is_only_live(
        self, seconds: int, job: dict[str, Any], pod: dict[str, Any]
    ) -> None:
        verdict = self.waiting(a_job_fact(**job), seconds, **pod)
        assert isinstance(verdict, Live)
        assert verdict.timed_out is None

    def test_the_last_time_out_ends_the_case_when_its_pod_is_gone(self) -> None:
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

    def test_the_verdict_is_the_same_when_only_the_jobs_status_is_left(self) -> None:
        before = judge(a_job_fact(attempt=1, failed=1, **START_TIMEOUT))
        after = judge(a_job_fact(attempt=1, failed=1, status_failed=1, succeeded=False, **START_TIMEOUT))
        assert isinstance(before, Ended)
        assert isinstance(after, Ended)
        assert (before.error_code, before.message) == (after.error_code, after.message)

    @pytest.mark.parametrize("exit_code", [None, 137])
    def test_a_pod_that_its_kubelet_ended_ran_too_long(self, exit_code: int | None) -> None:
        job = a_job_fact()
        ran = {**OVERRAN, "exit_code": exit_code, "started": NOW}
        verdict = judge(job, a_pod_fact(job=job, **ran), codes=[137])
        assert isinstance(verdict, Ended)
        assert (verdict.error_code, verdict.reason, verdict.why) == (
            "EXECUTION_TIMEOUT",
            "DeadlineExceeded",
            "DeadlineExceeded",
        )
        retried = judge(job, a_pod_fact(job=job, **ran), limit=1)
        assert isinstance(retried, Over)
        assert (retried.count.failed, retried.count.error_code) == (1, "")

    def test_one_that_its_kubelet_ended_before_it_ran_did_not_start(self) -> None:
        job = a_job_fact()
        verdict = judge(job, a_pod_fact(job=job, **OVERRAN))
        assert isinstance(verdict, Ended)
        assert verdict.error_code == "START_TIMEOUT"

    def test_a_finished_job_says_by_its_condition_that_it_ran_too_long(self) -> None:
        finished = a_job_fact(succeeded=False, status_failed=1, finish_reason="DeadlineExceeded")
        verdict = judge(finished)
        assert isinstance(verdict, Ended)
        assert verdict.error_code == "EXECUTION_TIMEOUT"


class TestExitCodes:
    @pytest.mark.parametrize(
        ("code", "more", "expected"),
        [
            (2, {}, Ended),
            (3, {}, Over),
            (2, {"disrupted": True}, Over),
            (2, {"stopped": True}, Over),
        ],
    )
    def test_a_code_that_is_not_retried_fails_the_case_at_once_but_not_if_the_cluster_ended_it(
        self, code: int, more: dict[str, Any], expected: type[Verdict]
    ) -> None:
        job = a_job_fact()
        pod = a_pod_fact(job=job, state=PodState.FAILED, exit_code=code, **more)
        verdict = judge(job, pod, limit=5, codes=[1, 2])
        assert isinstance(verdict, expected)
        if isinstance(verdict, Ended):
            assert (verdict.failures, verdict.exit_code, verdict.why) == (1, 2, "PodFailurePolicy")


class TestPersistent:
    @pytest.mark.parametrize(
        ("pod", "pause"),
        [
            ({"state": PodState.SUCCEEDED, "exit_code": 0}, 2),
            ({"state": PodState.FAILED, "exit_code": 9}, 2),
            ({"state": PodState.SUCCEEDED, "started": NOW, "finished": NOW + timedelta(minutes=9)}, 2),
            ({"state": PodState.SUCCEEDED, "started": NOW, "finished": NOW + timedelta(minutes=10)}, None),
            ({"state": PodState.FAILED, "exit_code": 9, "disrupted": True}, 2),
        ],
    )
    def test_an_exit_starts_the_next_attempt_after_a_pause(self, pod: dict[str, Any], pause: int | None) -> None:
        job = a_job_fact(attempt=2)
        verdict = judge(job, a_pod_fact(job=job, **pod), task="Persistent")
        assert isinstance(verdict, Over)
        wait = timedelta(seconds=pause) if pause else None
        assert (verdict.count.attempt, verdict.count.failed) == (3, 0)
        assert verdict.count.not_before == (NOW + wait if wait else None)

    def test_a_code_that_is_not_retried_ends_it(self) -> None:
        job = a_job_fact()
        pod = a_pod_fact(job=job, state=PodState.FAILED, exit_code=2)
        assert isinstance(judge(job, pod, task="Persistent", codes=[2]), Ended)

    def test_its_limit_bounds_time_outs(self) -> None:
        job = a_job_fact(attempt=7, failed=1)
        pod = a_pod_fact(job=job, **OVERRAN, exit_code=137, started=NOW)
        assert isinstance(judge(job, pod, task="Persistent", limit=2), Over)
        assert isinstance(judge(job, pod, task="Persistent", limit=1), Ended)

    def test_an_exit_of_one_whose_job_was_deleted_is_no_success(self) -> None:
        assert isinstance(judge(a_pod_fact(state=PodState.SUCCEEDED), task="Persistent"), Absent)


REJECTED: dict[str, Any] = {"state": PodState.FAILED, "reason": "UnexpectedAdmissionError", "message": "no GPU"}
DRAINED: dict[str, Any] = {"state": PodState.FAILED, "exit_code": 143, "disrupted": True, "disruption": "Drain: bye"}


class TestDisruptions:
    @pytest.mark.parametrize(
        ("pod", "words"),
        [
            (DRAINED, "Drain: bye"),
            (REJECTED, "UnexpectedAdmissionError: no GPU"),
            (STOPPED, "its pod was deleted"),
            ({"state": PodState.RUNNING, "gone": True}, "its pod vanished without an outcome"),
        ],
    )
    @pytest.mark.parametrize("task", ["Batch", "Persistent"])
    def test_every_end_that_does_not_count_as_a_failure_counts_as_a_disruption(
        self, pod: dict[str, Any], words: str, task: str
    ) -> None:
        job = a_job_fact(attempt=4, failed=1, disruptions=3)
        verdict = judge(job, a_pod_fact(job=job, **pod), limit=1, task=task)
        assert isinstance(verdict, Over)
        assert (verdict.count.disruptions, verdict.count.last_disruption) == (4, words)
        assert verdict.count.failed == 1

    @pytest.mark.parametrize("pod", [DRAINED, REJECTED, STOPPED, {"state": PodState.RUNNING, "gone": True}])
    def test_one_more_than_may_be_ends_the_case(self, pod: dict[str, Any]) -> None:
        for most, disruptions in ((0, 0), (100, 100)):
            job = a_job_fact(attempt=disruptions, disruptions=disruptions)
            (case,) = observed(job, a_pod_fact(job=job, **pod)).cases
            verdict = attempts.judge(case, a_job(retries={"limit": 9, "maxDisruptions": most}).spec, NOW)
            assert isinstance(verdict, Ended)
            assert (verdict.error_code, verdict.why, verdict.exit_code) == ("DISRUPTED", "Disrupted", None)
            assert verdict.message.startswith(f"disrupted {most + 1} times, more often than `maxDisruptions` ({most})")

    def test_the_verdict_is_the_same_when_only_the_jobs_status_is_left(self) -> None:
        ended: dict[str, Any] = {"succeeded": False, "finish_reason": "Disrupted", "finish_message": "by the Job"}
        before, after = a_job_fact(disruptions=100), a_job_fact(disruptions=100, **ended)
        first, second = (judge(job, a_pod_fact(job=job, **DRAINED)) for job in (before, after))
        assert isinstance(first, Ended)
        assert isinstance(second, Ended)
        assert (first.error_code, first.message) == (second.error_code, second.message)
        without_pod = judge(after)
        assert isinstance(without_pod, Ended)
        assert (without_pod.error_code, without_pod.message) == ("DISRUPTED", "by the Job")

    def test_a_failure_and_a_time_out_leave_the_count_as_it_is(self) -> None:
        job = a_job_fact(disruptions=3, last_disruption="Drain: bye")
        failed = judge(job, a_pod_fact(job=job, **FAILED), limit=1)
        late = judge(job, a_pod_fact(job=job, state=PodState.PENDING, created=NOW - timedelta(hours=1)), **BOUNDS)
        assert isinstance(failed, Over)
        assert isinstance(late, Live)
        assert late.timed_out
        for count in (failed.count, late.timed_out):
            assert (count.disruptions, count.last_disruption) == (3, "Drain: bye")

    def test_what_a_queue_takes_back_is_no_disruption(self) -> None:
        job = a_job_fact(suspended=True, active=1, disruptions=100)
        verdict = judge(job, a_pod_fact(job=job, **STOPPED))
        assert isinstance(verdict, Over)
        assert verdict.count.disruptions == 100

    @pytest.mark.parametrize(("minutes", "disruptions"), [(9, 6), (10, 1)])
    def test_of_a_persistent_case_only_disruptions_in_a_row_count(self, minutes: int, disruptions: int) -> None:
        job = a_job_fact(disruptions=5)
        ran: dict[str, Any] = {"started": NOW - timedelta(minutes=minutes), "finished": NOW}
        verdict = judge(job, a_pod_fact(job=job, **DRAINED, **ran), task="Persistent")
        exited = judge(job, a_pod_fact(job=job, state=PodState.SUCCEEDED, exit_code=0), task="Persistent")
        assert isinstance(verdict, Over)
        assert isinstance(exited, Over)
        assert (verdict.count.disruptions, exited.count.disruptions) == (disruptions, 0)

    def test_an_eviction_for_its_own_limit_is_not_taken_for_an_exit_code(self) -> None:
        job = a_job_fact()
        verdict = judge(job, a_pod_fact(job=job, **EVICTED, exit_code=137), limit=1, codes=[137])
        assert isinstance(verdict, Over)
        last = judge(job, a_pod_fact(job=job, **EVICTED))
        assert isinstance(last, Ended)
        assert (last.error_code, last.reason, last.message) == ("", "Evicted", "too big")


class TestStartErrors:
    START_ERROR: ClassVar[dict[str, Any]] = {
        "state": PodState.FAILED,
        "exit_code": 128,
        "reason": "StartError",
        "message": "exec: /opt/solve: not found",
    }

    def test_a_container_that_cannot_start_is_a_failure_and_has_not_run(self) -> None:
        job = a_job_fact()
        again = judge(job, a_pod_fact(job=job, **self.START_ERROR), limit=1)
        last = judge(job, a_pod_fact(job=job, **self.START_ERROR))
        assert isinstance(again, Over)
        assert isinstance(last, Ended)
        assert (again.count.failed, again.count.seconds) == (1, 0)
        assert (last.exit_code, last.reason, last.message) == (128, "StartError", "exec: /opt/solve: not found")

    def test_a_persistent_case_that_cannot_start_is_tried_again_after_a_pause_that_grows(self) -> None:
        for attempt, seconds in ((1, 1), (2, 2), (9, 60)):
            job = a_job_fact(attempt=attempt)
            verdict = judge(job, a_pod_fact(job=job, **self.START_ERROR), task="Persistent")
            assert isinstance(verdict, Over)
            assert verdict.count.not_before == NOW + timedelta(seconds=seconds)
