from typing import Any

import pytest
from given.builders import NOW
from simjob.api.status import Cancellation, CaseCounts, CaseTable, Phase, Status
from simjob.api.sweep.ranges import Ranges
from simjob.core.status.urgency import is_urgent


def a_status(phase: Phase | None, reason: str = "Because", message: str = "so it is", **fields: Any) -> Status:
    return Status(phase=phase, reason=reason, message=message, **fields)


LATCH = Cancellation(requested_at=NOW, stopping=1)


@pytest.mark.parametrize(
    ("old", "new", "urgent"),
    [
        ({}, {}, False),
        ({}, {"reason": "PodRefused", "message": "other words", "cases": CaseCounts(total=3, pending=3)}, False),
        ({}, {"succeeded_indexes": Ranges.of([1]), "cancelled_indexes": Ranges.of([2])}, False),
        ({}, {"phase": Phase.SUSPENDED}, True),
        ({}, {"restarts": 1}, True),
        ({}, {"observed_generation": 2}, True),
        ({}, {"start_time": NOW}, True),
        ({}, {"case_table": CaseTable()}, True),
        ({}, {"cancellation": LATCH}, True),
        ({"cancellation": LATCH}, {"cancellation": LATCH, "cancelled_indexes": Ranges.of([1])}, False),
        ({}, {"cancelling_indexes": Ranges.of([1])}, True),
        ({"cancelling_indexes": Ranges.of([1])}, {"cancelled_indexes": Ranges.of([1])}, False),
    ],
)
def test_only_changed_counts_may_be_written_later(old: dict[str, Any], new: dict[str, Any], urgent: bool) -> None:
    assert is_urgent(a_status(Phase.RUNNING, **old), a_status(**{"phase": Phase.RUNNING, **new})) is urgent
