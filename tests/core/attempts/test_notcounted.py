"""Ends of attempts that do not count as failures."""

from datetime import timedelta
from typing import Any

import pytest
from given.builders import NOW, a_job, a_job_fact, a_pod_fact, observed
from simjob.core.attempts import judgement, notcounted
from simjob.core.attempts.judgement import Ended, Live, Over, Verdict
from simjob.core.facts.jobs import JobFact
from simjob.core.facts.pods import PodFact, PodState

FAILED: dict[str, Any] = {"state": PodState.FAILED, "exit_code": 1, "reason": "Error"}
STOPPED: dict[str, Any] = {"state": PodState.FAILED, "terminating": True, "gone": True}
OVERRAN: dict[str, Any] = {"state": PodState.FAILED, "reason": "DeadlineExceeded", "message": "too long"}
# Evicted for a limit of its own.
EVICTED: dict[str, Any] = {"state": PodState.FAILED, "reason": "Evicted", "message": "too big", "over_limit": True}


def judge(
    *children: JobFact | PodFact, limit: int = 0, most: int = 100, codes: tuple[int, ...] = (), **spec: Any
) -> Verdict:
    (case,) = observed(*children).cases
    retries = {"limit": limit, "maxDisruptions": most, **({"nonRetryableExitCodes": [*codes]} if codes else {})}
    return judgement.judge(case, a_job(retries=retries, **spec).spec, NOW)


@pytest.mark.parametrize(
    ("pod", "expected"),
    [
        pytest.param({"state": PodState.SUCCEEDED}, False, id="a success"),
        pytest.param(FAILED, False, id="an exit code"),
        pytest.param(OVERRAN, False, id="its deadline"),
        pytest.param(EVICTED, False, id="an eviction for its own limit"),
        pytest.param(EVICTED | {"exit_code": 137}, False, id="an eviction for its own limit, with an exit code"),
        pytest.param(STOPPED, True, id="a deletion"),
        pytest.param(FAILED | {"stopped": True}, True, id="an exit code after a deletion"),
        pytest.param(FAILED | {"disrupted": True}, True, id="a disruption"),
        pytest.param({"state": PodState.FAILED, "reason": "UnexpectedAdmissionError"}, True, id="a rejected pod"),
        pytest.param({"state": PodState.FAILED}, False, id="no reason and no exit code: unknown"),
    ],
)
def test_a_pod_that_the_cluster_ended_or_rejected_was_interrupted(pod: dict[str, Any], expected: bool) -> None:
    assert notcounted.is_one(a_pod_fact(**pod)) is expected


def test_the_description_of_a_disruption_is_bounded_and_never_empty() -> None:
    assert notcounted.words(a_pod_fact(**FAILED, disrupted=True)) == "the cluster ended its pod"
    assert len(notcounted.words(a_pod_fact(**FAILED, disrupted=True, disruption="x" * 5000))) == 1024


REJECTED: dict[str, Any] = {"state": PodState.FAILED, "reason": "UnexpectedAdmissionError", "message": "no GPU"}


DRAINED: dict[str, Any] = {"state": PodState.FAILED, "exit_code": 143, "disrupted": True, "disruption": "Drain: bye"}


class TestDisruptions:
    @pytest.mark.parametrize(
        ("pod", "words"),
        [
            pytest.param(DRAINED, "Drain: bye", id="it was drained"),
            pytest.param(REJECTED, "UnexpectedAdmissionError: no GPU", id="the kubelet rejected it"),
            pytest.param(STOPPED, "its pod was deleted", id="it was deleted"),
            pytest.param(
                {"state": PodState.RUNNING, "gone": True},
                "its pod vanished without an outcome",
                id="it vanished while it ran",
            ),
        ],
    )
    @pytest.mark.parametrize("task", ["Batch", "Persistent"])
    def test_an_end_that_is_no_failure_counts_as_a_disruption(self, pod: dict[str, Any], words: str, task: str) -> None:
        job = a_job_fact(attempt=4, failed=1, disruptions=3)
        verdict = judge(job, a_pod_fact(job=job, **pod), limit=1, task=task)
        assert isinstance(verdict, Over)
        assert (verdict.count.disruptions, verdict.count.last_disruption) == (4, words)
        assert verdict.count.failed == 1

    @pytest.mark.parametrize("pod", [DRAINED, REJECTED, STOPPED, {"state": PodState.RUNNING, "gone": True}])
    def test_exceeding_max_disruptions_fails_the_case(self, pod: dict[str, Any]) -> None:
        for most, disruptions in ((0, 0), (100, 100)):
            job = a_job_fact(attempt=disruptions, disruptions=disruptions)
            verdict = judge(job, a_pod_fact(job=job, **pod), limit=9, most=most)
            assert isinstance(verdict, Ended)
            assert (verdict.error_code, verdict.why, verdict.exit_code) == ("DISRUPTED", "Disrupted", None)
            assert verdict.message.startswith(f"disrupted {most + 1} times, more often than `maxDisruptions` ({most})")

    def test_the_job_status_alone_leads_to_the_same_verdict(self) -> None:
        ended: dict[str, Any] = {"succeeded": False, "finish_reason": "Disrupted", "finish_message": "by the Job"}
        before, after = a_job_fact(disruptions=100), a_job_fact(disruptions=100, **ended)
        first, second = (judge(job, a_pod_fact(job=job, **DRAINED)) for job in (before, after))
        assert isinstance(first, Ended)
        assert isinstance(second, Ended)
        assert (first.error_code, first.message) == (second.error_code, second.message)
        without_pod = judge(after)
        assert isinstance(without_pod, Ended)
        assert (without_pod.error_code, without_pod.message) == ("DISRUPTED", "by the Job")

    def test_failures_and_timeouts_do_not_change_the_count(self) -> None:
        job = a_job_fact(disruptions=3, last_disruption="Drain: bye")
        failed = judge(job, a_pod_fact(job=job, **FAILED), limit=1)
        waits = a_pod_fact(job=job, state=PodState.PENDING, created=NOW - timedelta(hours=1))
        late = judge(job, waits, timeouts={"assignSeconds": 30})
        assert isinstance(failed, Over)
        assert isinstance(late, Live)
        assert late.timed_out
        for count in (failed.count, late.timed_out):
            assert (count.disruptions, count.last_disruption) == (3, "Drain: bye")

    def test_an_eviction_by_a_queue_is_no_disruption(self) -> None:
        job = a_job_fact(suspended=True, active=1, disruptions=100)
        verdict = judge(job, a_pod_fact(job=job, **STOPPED))
        assert isinstance(verdict, Over)
        assert verdict.count.disruptions == 100

    @pytest.mark.parametrize(
        ("minutes", "disruptions"),
        [
            pytest.param(9, 6, id="nine minutes of running leave the count as it is"),
            pytest.param(10, 1, id="ten minutes of running reset the count"),
        ],
    )
    def test_only_consecutive_disruptions_of_a_persistent_case_count(self, minutes: int, disruptions: int) -> None:
        job = a_job_fact(disruptions=5)
        ran: dict[str, Any] = {"started": NOW - timedelta(minutes=minutes), "finished": NOW}
        verdict = judge(job, a_pod_fact(job=job, **DRAINED, **ran), task="Persistent")
        exited = judge(job, a_pod_fact(job=job, state=PodState.SUCCEEDED, exit_code=0), task="Persistent")
        assert isinstance(verdict, Over)
        assert isinstance(exited, Over)
        assert (verdict.count.disruptions, exited.count.disruptions) == (disruptions, 0)

    def test_an_eviction_for_the_pods_own_limit_is_not_read_as_an_exit_code(self) -> None:
        job = a_job_fact()
        verdict = judge(job, a_pod_fact(job=job, **EVICTED, exit_code=137), limit=1, codes=(137,))
        assert isinstance(verdict, Over)
        last = judge(job, a_pod_fact(job=job, **EVICTED))
        assert isinstance(last, Ended)
        assert (last.error_code, last.reason, last.message) == ("", "Evicted", "too big")
