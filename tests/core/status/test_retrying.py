from datetime import timedelta
from typing import Any

import pytest
from given.builders import NOW, a_job_fact, a_pod_fact, a_started_job, planned, said
from simjob.api.failures import Retrying
from simjob.core.facts import lastattempt
from simjob.core.facts.jobs import JobFact
from simjob.core.facts.pods import PodFact, PodState

FAILED: dict[str, Any] = {"state": PodState.FAILED, "exit_code": 3, "reason": "Error", "message": "no licence"}


def a_waiting_job(index: int = 0, *, ended: int = 2, wait: int = 8, attempt: int = 1, **fact: Any) -> JobFact:
    """Make the Job of a case whose last attempt ended some seconds ago, and whose next one is due in some seconds."""
    last = lastattempt.ended(
        attempt - 1, NOW - timedelta(seconds=ended), error_code="CASE_FAILED", exit_code=3, reason="Error"
    )
    given = {"failed": attempt, "last_attempt": last, "not_before": NOW + timedelta(seconds=wait), **fact}
    return a_job_fact(index, attempt=attempt, **given)


def retrying(*children: JobFact | PodFact, status: dict[str, Any] | None = None, **spec: Any) -> Retrying | None:
    job = a_started_job(cases={"count": 40}, retries={"limit": 3}, status=status, **spec)
    return said(planned(job, *children)).retrying


def test_a_case_in_back_off_is_shown_with_its_last_and_next_attempt() -> None:
    job = a_waiting_job(7, attempt=2, case_name="mesh-fine")
    found = retrying(job)
    assert found
    assert found.to_api() == {
        "cases": 1,
        "newest": [
            {
                "index": 7,
                "name": "mesh-fine",
                "attempt": 1,
                "failedAttempts": 2,
                "errorCode": "CASE_FAILED",
                "exitCode": 3,
                "reason": "Error",
                "endedAt": "2026-01-02T03:04:58Z",
                "nextAttemptAt": "2026-01-02T03:05:08Z",
            }
        ],
    }


def test_the_ten_newest_are_shown_and_all_are_counted() -> None:
    found = retrying(*(a_waiting_job(index, ended=index) for index in range(25)))
    assert found
    assert found.cases == 25
    assert [each.index for each in found.newest] == list(range(10))


@pytest.mark.parametrize(
    "children",
    [
        [a_job_fact()],
        [a_waiting_job(), a_pod_fact(job=a_waiting_job())],
        [a_waiting_job(succeeded=False, finish_reason="BackoffLimitExceeded")],
        [a_waiting_job(suspended=True)],
        [a_waiting_job(terminating=True)],
        # What the cluster ended is replaced at once.
        [a_waiting_job(not_before=None)],
    ],
)
def test_only_cases_in_back_off_are_shown(children: list[JobFact]) -> None:
    assert retrying(*children) is None


def test_a_due_case_is_shown_until_it_gets_a_slot() -> None:
    busy = a_job_fact(0)
    found = retrying(a_waiting_job(1, wait=-5), busy, a_pod_fact(job=busy), parallelism=1)
    assert found
    assert [each.index for each in found.newest] == [1]


@pytest.mark.parametrize(
    "asked",
    [
        {"cancel": True},
        {"suspend": True},
        {"status": {"cancellation": {"requestedAt": "2026-01-02T03:04:05Z"}}},
        {"cancelCases": "0", "status": {"cancellingIndexes": "0"}},
    ],
)
def test_a_case_that_stops_is_not_shown(asked: dict[str, Any]) -> None:
    assert retrying(a_waiting_job(), **asked) is None


def test_a_case_counted_by_an_older_version_is_shown_from_its_pod() -> None:
    job = a_waiting_job(last_attempt=None)
    pod = a_pod_fact(job=job, attempt=0, container="exporter", **FAILED)
    found = retrying(job, pod)
    assert found
    (shown,) = found.newest
    assert (shown.exit_code, shown.message, shown.container, shown.attempt) == (3, "no licence", "exporter", 0)


@pytest.mark.parametrize("last", [None, lastattempt.ended(5, NOW, exit_code=3)])
def test_a_case_whose_end_is_unknown_is_shown(last: Any) -> None:
    found = retrying(a_waiting_job(last_attempt=last))
    assert found
    (shown,) = found.newest
    assert (shown.index, shown.exit_code, shown.failed_attempts) == (0, None, 1)
    assert shown.next_attempt_at == NOW + timedelta(seconds=8)


def test_an_ended_job_shows_no_case_in_back_off() -> None:
    left = {"retrying": {"cases": 1, "newest": []}}
    ended = {"phase": "COMPLETED", "isTerminal": True, "succeededIndexes": "0-39", **left}
    assert retrying(status=ended) is None
