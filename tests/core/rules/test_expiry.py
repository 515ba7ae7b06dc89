from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from given.builders import CREATED, NOW, UID, a_job_fact, a_pod_fact, a_started_job, planned
from simjob.core.plan import DeletePod, DeleteSimulationJob
from simjob.core.rules import expiry

ENDED = {"phase": "COMPLETED", "isTerminal": True, "completionTime": "2026-01-02T03:04:50Z"}
GONE = DeleteSimulationJob(namespace="default", name="sweep", uid=UID, resource_version="1")


def ended(ttl: int | None, **status: Any) -> Any:
    return a_started_job(ttlSecondsAfterFinished=ttl, status={**ENDED, **status})


@pytest.mark.parametrize(
    ("ttl", "actions"),
    [
        pytest.param(0, (GONE,), id="a TTL of zero deletes it at once"),
        pytest.param(10, (GONE,), id="the TTL has just passed"),
        pytest.param(11, (), id="one second is left"),
        pytest.param(None, (), id="without a TTL it stays"),
    ],
)
def test_a_job_is_deleted_when_its_ttl_has_passed(ttl: int | None, actions: Any) -> None:
    assert planned(ended(ttl)).actions == actions


@pytest.mark.parametrize("phase", ["COMPLETED", "FAILED", "CANCELLED"])
def test_every_final_phase_expires(phase: str) -> None:
    assert planned(ended(10, phase=phase)).actions == (GONE,)


def test_the_next_look_is_at_the_expiry() -> None:
    assert planned(ended(3600)).look_again == NOW - timedelta(seconds=10) + timedelta(seconds=3600)
    assert planned(ended(None)).look_again is None


def test_the_plan_that_ends_a_job_looks_again_at_its_expiry() -> None:
    plan = planned(a_started_job(ttlSecondsAfterFinished=30, status={"succeededIndexes": "0-2"}))
    assert plan.status is not None
    assert plan.status.is_terminal
    assert plan.look_again == NOW + timedelta(seconds=30)


def test_unexpected_pods_are_deleted_before_the_expiry() -> None:
    plan = planned(ended(3600), a_job_fact(0), a_pod_fact(0))
    assert plan.actions == (DeletePod(pod=a_pod_fact(0)),)
    assert plan.look_again == NOW + timedelta(seconds=60)


def test_an_expiry_beyond_the_last_datetime_is_capped() -> None:
    far = ended(3600, completionTime="9999-12-31T23:59:59Z")
    assert expiry.expires_at(far, far.status) == datetime.max.replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "status",
    [
        pytest.param({"phase": "RUNNING", "isTerminal": False}, id="it has not ended"),
        pytest.param({"completionTime": None}, id="it has no completion time"),
    ],
)
def test_a_job_without_an_end_time_never_expires(status: dict[str, Any]) -> None:
    assert expiry.expires_at(ended(0), ended(0, **status).status) is None


def test_a_job_that_is_being_deleted_is_not_deleted_again() -> None:
    job = a_started_job(metadata={"deletionTimestamp": CREATED}, ttlSecondsAfterFinished=0, status=ENDED)
    assert planned(job).actions == ()
