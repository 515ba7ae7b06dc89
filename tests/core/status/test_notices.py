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
        pytest.param(
            a_status(None),
            a_status(Phase.PENDING),
            [{"reason": "Because", "action": "Pending", "warning": False}],
            id="the first phase",
        ),
        pytest.param(
            a_status(Phase.PENDING),
            a_status(Phase.RUNNING),
            [{"reason": "Because", "action": "Running", "warning": False}],
            id="a new phase",
        ),
        pytest.param(
            a_status(Phase.RUNNING),
            a_status(Phase.FAILED),
            [{"reason": "Because", "action": "Failed", "warning": True}],
            id="a failure is a warning",
        ),
        pytest.param(
            a_status(Phase.CANCELLING),
            a_status(Phase.CANCELLED),
            [{"reason": "Because", "action": "Cancelled", "warning": False}],
            id="a cancellation is no warning",
        ),
        pytest.param(
            a_status(Phase.RUNNING), a_status(Phase.RUNNING, "CasesRunning"), [], id="a new reason that is no problem"
        ),
        pytest.param(
            a_status(Phase.RUNNING),
            a_status(Phase.RUNNING, "PodRefused"),
            [{"reason": "PodRefused", "action": "Running", "warning": True}],
            id="a new problem is a warning",
        ),
        pytest.param(
            a_status(Phase.RUNNING, "PodRefused"),
            a_status(Phase.RUNNING, "PodRefused", "other words"),
            [],
            id="other words for the same problem",
        ),
        pytest.param(
            a_status(Phase.PENDING),
            a_status(Phase.PENDING, "Unschedulable"),
            [{"reason": "Unschedulable", "action": "Pending", "warning": True}],
            id="a pending pod that fits no node",
        ),
        pytest.param(
            a_status(Phase.CANCELLING),
            a_status(Phase.CANCELLING, "PodsNotStopping"),
            [{"reason": "PodsNotStopping", "action": "Cancelling", "warning": True}],
            id="pods that do not stop",
        ),
    ],
)
def test_a_new_phase_and_a_new_problem_emit_events(old: Status, new: Status, expected: list[dict[str, Any]]) -> None:
    found = notices.of_change(old, new)
    emitted = [{"reason": notice.reason, "action": notice.action, "warning": notice.warning} for notice in found]
    assert emitted == expected
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
