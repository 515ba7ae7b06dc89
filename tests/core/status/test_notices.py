from typing import Any

import pytest
from simjob.api.failures import Failure
from simjob.api.status import Phase, Status
from simjob.api.sweep.ranges import Ranges
from simjob.core.status import notices


def a_status(phase: Phase | None, reason: str = "Because", message: str = "so it is", **fields: Any) -> Status:
    return Status(phase=phase, reason=reason, message=message, **fields)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (a_status(None), a_status(Phase.PENDING), [("Because", "Pending", False)]),
        (a_status(Phase.PENDING), a_status(Phase.RUNNING), [("Because", "Running", False)]),
        (a_status(Phase.RUNNING), a_status(Phase.FAILED), [("Because", "Failed", True)]),
        (a_status(Phase.CANCELLING), a_status(Phase.CANCELLED), [("Because", "Cancelled", False)]),
        (a_status(Phase.RUNNING), a_status(Phase.RUNNING, "CasesRunning"), []),
        (a_status(Phase.RUNNING), a_status(Phase.RUNNING, "PodRefused"), [("PodRefused", "Running", True)]),
        (a_status(Phase.RUNNING, "PodRefused"), a_status(Phase.RUNNING, "PodRefused", "other words"), []),
        (a_status(Phase.PENDING), a_status(Phase.PENDING, "Unschedulable"), [("Unschedulable", "Pending", True)]),
        (
            a_status(Phase.CANCELLING),
            a_status(Phase.CANCELLING, "PodsNotStopping"),
            [("PodsNotStopping", "Cancelling", True)],
        ),
    ],
)
def test_a_new_phase_and_a_new_problem_emit_events(
    old: Status, new: Status, expected: list[tuple[str, str, bool]]
) -> None:
    found = notices.of_change(old, new)
    assert [(notice.reason, notice.action, notice.warning) for notice in found] == expected
    assert all(notice.note == new.message for notice in found)


def test_an_unchanged_status_emits_no_event() -> None:
    status = a_status(Phase.FAILED, failed_indexes=Ranges.of([1]))
    assert notices.of_change(status, status) == ()


def test_new_failures_emit_one_event() -> None:
    failures = (Failure(index=4, reason="OOMKilled", exit_code=137), Failure(index=1, reason="Error", exit_code=1))
    old = a_status(Phase.RUNNING, failed_indexes=Ranges.of([1]))
    new = a_status(Phase.RUNNING, failed_indexes=Ranges.of([1, 3, 4]), failures=failures)
    (notice,) = notices.of_change(old, new)
    assert (notice.reason, notice.warning) == ("CasesFailed", True)
    assert notice.note == "failed for good: cases 3-4; case 4: OOMKilled, exit code 137"


def test_a_failure_without_an_exit_code_is_reported_by_its_error_code() -> None:
    late = Failure(index=0, error_code="ASSIGN_TIMEOUT", reason="DeadlineExceeded", message="no node within 4 s")
    new = a_status(Phase.PENDING, failed_indexes=Ranges.of([0]), failures=(late,))
    (notice,) = notices.of_change(a_status(Phase.PENDING), new)
    assert notice.note == "failed for good: cases 0; case 0: ASSIGN_TIMEOUT: no node within 4 s"


def test_a_failure_without_any_code_is_reported() -> None:
    (notice,) = notices.of_change(a_status(Phase.RUNNING), a_status(Phase.RUNNING, failed_indexes=Ranges.of([3])))
    assert notice.note == "failed for good: cases 3"
