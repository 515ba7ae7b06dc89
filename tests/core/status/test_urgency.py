from typing import Any

import pytest
from given.builders import NOW
from simjob.api.status import Cancellation, CaseCounts, Phase, Status
from simjob.api.sweep.ranges import Ranges
from simjob.api.sweep.stored import CaseTable
from simjob.core.status.urgency import is_urgent

RUNNING: dict[str, Any] = {"phase": Phase.RUNNING, "reason": "Because", "message": "so it is"}
LATCH = Cancellation(requested_at=NOW, stopping=1)


@pytest.mark.parametrize(
    ("old", "new", "urgent"),
    [
        pytest.param({}, {}, False, id="nothing changed"),
        pytest.param(
            {},
            {"reason": "PodRefused", "message": "other words", "cases": CaseCounts(total=3, pending=3)},
            False,
            id="other counts and words",
        ),
        pytest.param(
            {},
            {"succeeded_indexes": Ranges.of([1]), "cancelled_indexes": Ranges.of([2])},
            False,
            id="more cases have an outcome",
        ),
        pytest.param({}, {"phase": Phase.SUSPENDED}, True, id="a new phase"),
        pytest.param({}, {"restarts": 1}, True, id="a restart"),
        pytest.param({}, {"observed_generation": 2}, True, id="a new observed generation"),
        pytest.param({}, {"start_time": NOW}, True, id="the start time"),
        pytest.param({}, {"case_table": CaseTable()}, True, id="the case table"),
        pytest.param({}, {"cancellation": LATCH}, True, id="the cancel request"),
        pytest.param(
            {"cancellation": LATCH},
            {"cancellation": LATCH, "cancelled_indexes": Ranges.of([1])},
            False,
            id="cases cancelled after the request",
        ),
        pytest.param({}, {"cancelling_indexes": Ranges.of([1])}, True, id="cases that are being cancelled by request"),
        pytest.param(
            {"cancelling_indexes": Ranges.of([1])},
            {"cancelled_indexes": Ranges.of([1])},
            False,
            id="cases that were being cancelled by request",
        ),
    ],
)
def test_only_changed_counts_may_be_written_later(old: dict[str, Any], new: dict[str, Any], urgent: bool) -> None:
    assert is_urgent(Status(**RUNNING | old), Status(**RUNNING | new)) is urgent
