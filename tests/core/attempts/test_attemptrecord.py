from datetime import timedelta
from typing import Any

import pytest
from given.builders import NOW, a_job_fact, a_pod_fact
from simjob.core.attempts import attemptrecord
from simjob.core.facts.lastattempt import LastAttempt
from simjob.core.facts.pods import PodState

FAILED: dict[str, Any] = {"state": PodState.FAILED, "exit_code": 1, "reason": "Error"}


@pytest.mark.parametrize(
    ("pod", "expected"),
    [
        pytest.param(
            FAILED, {"error_code": "CASE_FAILED", "exit_code": 1, "reason": "Error"}, id="an exit code and its reason"
        ),
        pytest.param(
            FAILED | {"exit_code": 137, "reason": "OOMKilled", "message": "too big"},
            {"error_code": "CASE_FAILED", "exit_code": 137, "reason": "OOMKilled", "message": "too big"},
            id="killed for its memory, with a message",
        ),
        pytest.param(
            FAILED | {"reason": ""},
            {"error_code": "CASE_FAILED", "exit_code": 1, "reason": "Error"},
            id="without a reason the word is Error",
        ),
        pytest.param(
            FAILED | {"container": "exporter"},
            {"error_code": "CASE_FAILED", "exit_code": 1, "reason": "Error", "container": "exporter"},
            id="another container failed",
        ),
        pytest.param(
            {"state": PodState.FAILED, "reason": "Evicted", "message": "too big", "over_limit": True, "exit_code": 0},
            {"error_code": "CASE_FAILED", "exit_code": 0, "reason": "Evicted", "message": "too big"},
            id="evicted for its own limit with exit code 0",
        ),
        pytest.param(
            {"state": PodState.FAILED, "reason": "DeadlineExceeded", "started": NOW, "exit_code": 137},
            {"error_code": "EXECUTION_TIMEOUT", "exit_code": 137, "reason": "DeadlineExceeded"},
            id="its deadline passed",
        ),
        pytest.param(
            {"state": PodState.SUCCEEDED, "exit_code": 0},
            {"exit_code": 0, "reason": "Completed"},
            id="a persistent case succeeded and starts again",
        ),
        # What the cluster ended says nothing about the simulation, whatever its exit code.
        pytest.param(
            FAILED | {"disrupted": True, "disruption": "Evicted: low on memory"},
            {"error_code": "DISRUPTED", "reason": "Disrupted", "message": "Evicted: low on memory"},
            id="a disruption has no exit code",
        ),
        pytest.param(
            FAILED | {"stopped": True},
            {"error_code": "DISRUPTED", "reason": "Disrupted", "message": "its pod was deleted"},
            id="it was deleted",
        ),
    ],
)
def test_an_attempt_is_recorded_in_the_words_of_its_pod(pod: dict[str, Any], expected: dict[str, Any]) -> None:
    job = a_job_fact(attempt=3)
    assert attemptrecord.end_of(a_pod_fact(job=job, **pod), NOW) == LastAttempt(number=3, ended_at=NOW, **expected)


def test_a_pod_that_vanished_is_recorded_as_lost() -> None:
    job = a_job_fact(attempt=1)
    last = attemptrecord.lost(job, None, NOW)
    assert (last.number, last.error_code, last.reason) == (1, "LOST", "Lost")
    assert last.message == "its pod vanished without an outcome"
    known = attemptrecord.lost(job, a_pod_fact(job=job, message="the node says nothing"), NOW)
    assert known.message == "its pod vanished without an outcome: the node says nothing"


def test_an_attempt_that_timed_out_is_recorded_as_such() -> None:
    last = attemptrecord.timed_out(a_job_fact(attempt=1), NOW, "ASSIGN_TIMEOUT", "no node within 3 s")
    assert last == LastAttempt(
        number=1, ended_at=NOW, error_code="ASSIGN_TIMEOUT", reason="DeadlineExceeded", message="no node within 3 s"
    )


def test_the_record_holds_the_next_attempt_number_and_the_total_run_time() -> None:
    job = a_job_fact(attempt=1, seconds=10, disruptions=2, last_disruption="Evicted")
    pod = a_pod_fact(job=job, started=NOW, finished=NOW + timedelta(seconds=5), **FAILED)
    last = attemptrecord.end_of(pod, NOW)
    count = attemptrecord.count(job, pod, failed=1, lost=0, not_before=NOW, last=last)
    assert (count.attempt, count.failed, count.seconds, count.not_before) == (2, 1, 15, NOW)
    assert (count.disruptions, count.last_disruption, count.last) == (2, "Evicted", last)
