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


@pytest.mark.parametrize(("ttl", "actions"), [(0, (GONE,)), (10, (GONE,)), (11, ()), (None, ())])
def test_a_job_is_deleted_when_it_ended_so_long_ago(ttl: int | None, actions: Any) -> None:
    assert planned(ended(ttl)).actions == actions


@pytest.mark.parametrize("phase", ["COMPLETED", "FAILED", "CANCELLED"])
def test_at_every_end(phase: str) -> None:
    assert planned(ended(10, phase=phase)).actions == (GONE,)


def test_until_then_it_is_looked_at_again_when_its_time_comes() -> None:
    assert planned(ended(3600)).look_again == NOW - timedelta(seconds=10) + timedelta(seconds=3600)
    assert planned(ended(None)).look_again is None


def test_the_plan_that_ends_a_job_foresees_its_deletion() -> None:
    plan = planned(a_started_job(ttlSecondsAfterFinished=30, status={"ledger": {"succeeded": "0-2"}}))
    assert plan.status is not None
    assert plan.status.is_terminal
    assert plan.look_again == NOW + timedelta(seconds=30)


def test_what_should_not_be_there_is_removed_meanwhile() -> None:
    plan = planned(ended(3600), a_job_fact(0), a_pod_fact(0))
    assert plan.actions == (DeletePod(pod=a_pod_fact(0)),)
    assert plan.look_again == NOW + timedelta(seconds=60)


def test_a_time_that_does_not_exist_is_none_to_wait_for() -> None:
    far = ended(3600, completionTime="9999-12-31T23:59:59Z")
    assert expiry.expires_at(far, far.status) == datetime.max.replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "status",
    [{"phase": "RUNNING", "isTerminal": False}, {"completionTime": None}],
    ids=["has not ended", "without a time of its end"],
)
def test_it_is_kept(status: dict[str, Any]) -> None:
    assert expiry.expires_at(ended(0), ended(0, **status).status) is None


def test_one_that_is_being_deleted_is_not_deleted_again() -> None:
    job = a_started_job(metadata={"deletionTimestamp": CREATED}, ttlSecondsAfterFinished=0, status=ENDED)
    assert planned(job).actions == ()
