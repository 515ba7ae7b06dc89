from datetime import timedelta
from typing import Any

import pytest
from given.builders import NOW, a_job_fact, a_pod_fact
from simjob.core.attempts.judgement import Ended, Outcome
from simjob.core.children import batchjobstatus
from simjob.core.children.batchjobstatus import SETTLING
from simjob.core.facts.jobs import JobFact
from simjob.core.facts.pods import PodState
from simjob.core.plan import CountAttempt
from worlds.fakerules import check_job_status, merged

STARTED = NOW - timedelta(seconds=60)
SUCCEEDED = Ended(outcome=Outcome.SUCCEEDED, job=None)
FAILED = Ended(outcome=Outcome.FAILED, job=None, failures=2, exit_code=3, reason="Error", message="diverged")


def count(job: JobFact, failed: int = 0) -> CountAttempt:
    return CountAttempt(job=job, attempt=1, failed=failed, lost=0, seconds=0, not_before=None)


def true(patch: batchjobstatus.Patch | None) -> list[str]:
    assert patch is not None
    return [condition["type"] for condition in patch["conditions"] if condition["status"] == "True"]


def test_a_pod_that_has_run_for_a_moment_is_active_and_ready() -> None:
    pod = a_pod_fact()
    assert batchjobstatus.running(a_job_fact(), pod, NOW) is None
    patch = batchjobstatus.running(a_job_fact(), pod, NOW + SETTLING)
    assert patch == {"active": 1, "ready": 1, "startTime": "2026-01-02T03:05:00Z"}


@pytest.mark.parametrize(("state", "ready"), [(PodState.PENDING, 0), (PodState.ASSIGNED, 0), (PodState.RUNNING, 1)])
@pytest.mark.parametrize("starting", [True, False])
def test_a_job_of_a_queue_is_active_and_ready_at_once(state: PodState, ready: int, starting: bool) -> None:
    pod = a_pod_fact(state=state)
    patch = batchjobstatus.running(a_job_fact(queued=True), pod, NOW, starting=starting)
    assert patch == {"active": 1, "ready": ready, "startTime": "2026-01-02T03:05:00Z"}
    said = a_job_fact(queued=True, active=1, ready=ready)
    assert batchjobstatus.running(said, pod, NOW, starting=starting) is None


@pytest.mark.parametrize("state", [PodState.PENDING, PodState.ASSIGNED])
def test_no_status_is_written_before_the_pod_runs(state: PodState) -> None:
    assert batchjobstatus.running(a_job_fact(), a_pod_fact(state=state), NOW + SETTLING) is None


def test_an_unchanged_status_is_not_written_again() -> None:
    said = a_job_fact(active=1, ready=1)
    assert batchjobstatus.running(said, a_pod_fact(), NOW + SETTLING) is None
    assert batchjobstatus.over(a_job_fact(), count(a_job_fact())) is None
    assert batchjobstatus.suspended(a_job_fact(says_suspended=True), NOW) is None
    assert batchjobstatus.finished(a_job_fact(succeeded=False), FAILED, NOW) is None


@pytest.mark.parametrize(
    "before",
    [
        pytest.param({"active": 1, "ready": 1}, id="its pod ran"),
        pytest.param({"active": 1}, id="its pod was not ready"),
        pytest.param({"status_failed": 0}, id="no pod was shown"),
    ],
)
def test_an_ended_attempt_is_inactive_and_counted(before: dict[str, Any]) -> None:
    job = a_job_fact(**before)
    assert batchjobstatus.over(job, count(job, failed=1)) == {"active": 0, "ready": 0, "failed": 1}


def test_a_case_that_succeeded_completes_its_job() -> None:
    patch = batchjobstatus.finished(a_job_fact(started=STARTED, failed=1), SUCCEEDED, NOW)
    assert patch is not None
    assert true(patch) == ["SuccessCriteriaMet", "Complete"]
    assert (patch["active"], patch["ready"], patch["succeeded"]) == (0, 0, 1)
    assert (patch["startTime"], patch["completionTime"]) == ("2026-01-02T03:04:00Z", "2026-01-02T03:05:00Z")


def test_a_failed_case_fails_its_job_with_the_reason() -> None:
    patch = batchjobstatus.finished(a_job_fact(), FAILED, NOW)
    assert patch is not None
    assert true(patch) == ["FailureTarget", "Failed"]
    assert patch["failed"] == 2
    assert "completionTime" not in patch
    assert patch["conditions"][1]["message"] == "The case failed: Error, exit code 3: diverged"


def test_a_clock_step_backwards_does_not_end_a_job_before_its_start() -> None:
    patch = batchjobstatus.finished(a_job_fact(started=NOW + timedelta(seconds=5)), SUCCEEDED, NOW)
    assert patch is not None
    assert patch["completionTime"] == patch["startTime"]


def test_suspending_and_resuming_a_job_are_shown_in_its_status() -> None:
    patch = batchjobstatus.suspended(a_job_fact(active=1, ready=1, started=STARTED), NOW)
    assert true(patch) == ["Suspended"]
    assert patch == patch | {"active": 0, "ready": 0, "startTime": None}  # type: ignore[operator]
    admitted = a_job_fact(says_suspended=True, queued=True)
    resumed = batchjobstatus.running(admitted, a_pod_fact(state=PodState.PENDING), NOW)
    assert resumed is not None
    assert [(c["type"], c["status"]) for c in resumed["conditions"]] == [("Suspended", "False")]
    assert resumed["startTime"] == "2026-01-02T03:05:00Z", "a held Job starts when it is let go"
    assert (resumed["active"], resumed["ready"]) == (1, 0), "one write says both"


def test_a_deleted_job_is_not_written_as_suspended() -> None:
    assert batchjobstatus.suspended(a_job_fact(terminating=True), NOW) is None


@pytest.mark.parametrize("end", [pytest.param(SUCCEEDED, id="it succeeds"), pytest.param(FAILED, id="it fails")])
@pytest.mark.parametrize("ran", [pytest.param(True, id="its run is shown"), pytest.param(False, id="its run is short")])
def test_an_attempt_costs_at_most_two_writes_that_the_api_server_takes(end: Ended, ran: bool) -> None:
    fact, status, writes = a_job_fact(), dict[str, Any](), 0
    if ran:
        status, writes = merged(status, dict(batchjobstatus.running(fact, a_pod_fact(), NOW + SETTLING) or {})), 1
        fact = a_job_fact(active=1, ready=1, started=NOW)
    new = merged(status, dict(batchjobstatus.finished(fact, end, NOW + SETTLING) or {}))
    check_job_status(status, new)
    assert writes + 1 <= 2
