"""Which rule takes precedence over which. What each rule does is tested in its own module."""

from typing import Any

import pytest
from given.builders import CREATED, a_job_fact, a_pod_fact, a_started_job, planned
from simjob.core.observed.refusedcreation import Refusal

GONE = {"deletionTimestamp": CREATED}
LATCH = {"cancellation": {"requestedAt": CREATED}}
ALL_DONE = {"succeededIndexes": "0-2"}
REFUSED = Refusal(index=0, kind="Job", message="no", invalid=True, lasted=True, others=True)


@pytest.mark.parametrize(
    ("metadata", "status", "spec", "refusal", "phase"),
    [
        pytest.param(
            GONE, {"phase": "COMPLETED"} | LATCH, {"suspend": True}, REFUSED, None, id="a deleted job gets no status"
        ),
        pytest.param(
            {},
            {"phase": "COMPLETED"},
            {"suspend": True, "cancel": True},
            REFUSED,
            "COMPLETED",
            id="a finished job ignores a cancel",
        ),
        pytest.param(
            {},
            LATCH | ALL_DONE,
            {"suspend": True},
            REFUSED,
            "CANCELLED",
            id="a cancelled job ignores its outcomes and a refusal",
        ),
        pytest.param(
            {},
            {"phase": "PENDING", "podsAccepted": False},
            {"suspend": True},
            REFUSED,
            "FAILED",
            id="a refused job fails although it is suspended",
        ),
        pytest.param({}, {}, {"suspend": True}, None, "SUSPENDED", id="a suspended job starts nothing"),
        pytest.param(
            {}, ALL_DONE, {"suspend": True}, None, "COMPLETED", id="a suspended job with all outcomes completes"
        ),
        pytest.param(
            {},
            ALL_DONE,
            {"parallelism": 0},
            None,
            "COMPLETED",
            id="a job with all outcomes completes at parallelism zero",
        ),
        pytest.param({}, {}, {}, None, "RUNNING", id="a job that nothing stops runs"),
    ],
)
def test_the_more_final_rule_decides(
    metadata: dict[str, Any], status: dict[str, Any], spec: dict[str, Any], refusal: Refusal | None, phase: str | None
) -> None:
    plan = planned(a_started_job(metadata=metadata, status=status, **spec), refusal=refusal)
    assert (plan.status.phase if plan.status else None) == phase


def test_equal_worlds_lead_to_equal_plans() -> None:
    children: list[Any] = [a_job_fact(0), a_pod_fact(0), a_job_fact(1)]
    assert planned(a_started_job(), *children) == planned(a_started_job(), *children)
