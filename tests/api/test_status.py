from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from pydantic import ValidationError
from simjob.api.outcomes import Outcomes
from simjob.api.status import MAX_STATUS_MESSAGE, Cancellation, Phase, Status
from simjob.api.sweep.ranges import Ranges

FULL: dict[str, Any] = {
    "observedGeneration": 2,
    "phase": "CANCELLED",
    "reason": "Cancelled",
    "message": "Cancelled by anna: wrong mesh.",
    "errorCode": "CASES_FAILED",
    "isTerminal": True,
    "isFailed": False,
    "conditions": [
        {
            "type": "Finished",
            "status": "True",
            "reason": "Cancelled",
            "message": "It is over.",
            "lastTransitionTime": "2026-01-02T03:04:05Z",
            "observedGeneration": 2,
        }
    ],
    "cancellation": {
        "requestedAt": "2026-01-02T03:04:00Z",
        "requestedBy": "anna",
        "reason": "wrong mesh",
        "finishedAt": "2026-01-02T03:04:05Z",
        "stopping": 0,
    },
    "cases": {
        "total": 12,
        "pending": 0,
        "assigned": 0,
        "running": 0,
        "succeeded": 10,
        "failed": 1,
        "cancelled": 1,
    },
    "progress": "12/12",
    "succeededIndexes": "0-9",
    "failedIndexes": "10",
    "cancelledIndexes": "11",
    "cancellingIndexes": "11",
    "failures": [
        {
            "index": 10,
            "name": "10",
            "errorCode": "EXIT_CODE",
            "exitCode": 137,
            "reason": "OOMKilled",
            "message": "Out of memory.",
            "finishedAt": "2026-01-02T03:03:00Z",
        }
    ],
    "retrying": {
        "cases": 11,
        "newest": [
            {
                "index": 3,
                "name": "3",
                "attempt": 0,
                "failedAttempts": 1,
                "errorCode": "CASE_FAILED",
                "exitCode": 3,
                "container": "exporter",
                "reason": "Error",
                "message": "No licence.",
                "endedAt": "2026-01-02T03:04:00Z",
                "nextAttemptAt": "2026-01-02T03:04:10Z",
            }
        ],
    },
    "caseTable": {
        "configMaps": ["sweep-cases-0b0c4fd2-0"],
        "indexes": "0-11",
        "format": "CSV, separated by commas",
        "columns": [{"name": "Wall [mm]", "parameter": "Wall_mm"}, {"name": ""}],
    },
    "results": {"configMaps": ["sweep-results-0"], "rows": 9, "missing": 1},
    "computeTime": {
        "succeeded": {"wallSeconds": 10, "cpuSeconds": 20, "gpuSeconds": 10},
        "failed": {"wallSeconds": 1, "cpuSeconds": 2, "gpuSeconds": 1},
        "cancelled": {"wallSeconds": 0, "cpuSeconds": 0, "gpuSeconds": 0},
    },
    "suspendedSeconds": 7,
    "startTime": "2026-01-02T03:00:00Z",
    "completionTime": "2026-01-02T03:04:05Z",
    "restarts": 1,
    "ledger": {"succeeded": "0-9", "failed": "10", "cancelled": "11", "cancelling": "11"},
    "round": 1,
}


def test_a_full_status_is_written_back_unchanged() -> None:
    assert Status.model_validate(FULL).to_api() == FULL


def test_unset_fields_are_absent() -> None:
    assert Status().to_api() == {
        "observedGeneration": -1,
        "isTerminal": False,
        "isFailed": False,
        "conditions": [],
        "cases": dict.fromkeys(FULL["cases"], 0),
        "succeededIndexes": "",
        "failedIndexes": "",
        "cancelledIndexes": "",
        "failures": [],
        "restarts": 0,
        "ledger": {"succeeded": "", "failed": "", "cancelled": ""},
        "round": 0,
    }


def test_fields_of_another_version_are_ignored() -> None:
    newer = {**FULL, "forecast": {}, "cases": {**FULL["cases"], "frozen": 1}}
    assert Status.model_validate(newer) == Status.model_validate(FULL)


def test_an_unknown_phase_is_read_as_none() -> None:
    assert Status.model_validate({"phase": "FROZEN"}).phase is None


def test_only_three_phases_are_final() -> None:
    assert [phase for phase in Phase if phase.is_terminal] == [Phase.COMPLETED, Phase.FAILED, Phase.CANCELLED]


def test_outcomes_are_read_as_ranges() -> None:
    assert Status.model_validate(FULL).outcomes == Outcomes(
        succeeded=Ranges.span(10), failed=Ranges.of([10]), cancelled=Ranges.of([11]), cancelling=Ranges.of([11])
    )


def test_an_outcome_that_cannot_be_read_is_an_error() -> None:
    with pytest.raises(ValidationError, match="index ranges must look like"):
        Status.model_validate({"succeededIndexes": "all"})


def test_a_message_that_is_too_long_is_cut() -> None:
    message = Status(message="x" * 9999).message
    assert message == "x" * (MAX_STATUS_MESSAGE - 1) + "…"


def test_times_are_utc_with_whole_seconds() -> None:
    east = timezone(timedelta(hours=2))
    latch = Cancellation(requested_at=datetime(2026, 1, 2, 5, 4, 5, 999, tzinfo=east))
    assert latch.requested_at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert latch.to_api() == {"requestedAt": "2026-01-02T03:04:05Z"}


def test_a_time_without_a_zone_is_an_error() -> None:
    with pytest.raises(ValidationError, match="timezone"):
        Status(start_time=datetime(2026, 1, 2))  # noqa: DTZ001 - that is what is tested


def test_every_text_may_be_null() -> None:
    absent = Status(reason=None, message=None, error_code=None, progress=None)
    assert absent == Status()
    latch = Cancellation(requested_at=datetime(2026, 1, 2, tzinfo=UTC), requested_by=None, reason=None)
    assert latch.to_api() == {"requestedAt": "2026-01-02T00:00:00Z"}
