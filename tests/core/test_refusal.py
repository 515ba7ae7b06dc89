from typing import Any

import pytest
from builders import CREATED, NOW, a_job_dict, a_job_fact, a_pod_fact, a_started_job, observed, planned, said
from simjob.api import simulationjob
from simjob.api.simulationjob import Invalid
from simjob.core import planner
from simjob.core.facts import PodState
from simjob.core.observed import Refusal
from simjob.core.plan import CreateCase, DeleteJob, DeletePod, Plan

NEVER = Refusal(index=1, kind="Job", message="spec.template: Invalid value", permanent=True)
QUOTA = Refusal(index=1, kind="Pod", message="exceeded quota")


def test_a_job_that_the_api_server_will_never_take_fails_the_whole() -> None:
    plan = planned(a_started_job(status={"ledger": {"succeeded": "0"}}), refusal=NEVER)
    status = said(plan)
    assert (status.phase, status.error_code, status.reason) == ("FAILED", "SUBMISSION_FAILED", "JobRefused")
    assert status.ledger.to_api() == {"succeeded": "0", "failed": "1", "cancelled": "2"}
    (failure,) = status.failures
    assert (failure.index, failure.error_code, failure.message) == (1, "SUBMISSION_FAILED", NEVER.message)
    assert plan.needs_proof


def test_what_runs_is_stopped_first() -> None:
    plan = planned(a_started_job(), a_job_fact(0), a_pod_fact(0), a_job_fact(1), refusal=NEVER)
    assert plan.actions == (DeletePod(pod=a_pod_fact(0)), DeleteJob(job=a_job_fact(1)))
    assert (said(plan).phase, said(plan).reason) == ("RUNNING", "JobRefused")


def test_a_case_that_ended_meanwhile_keeps_its_outcome() -> None:
    plan = planned(a_started_job(), a_job_fact(1), a_pod_fact(1, state=PodState.SUCCEEDED), refusal=NEVER)
    assert said(plan).ledger.to_api() == {"succeeded": "1", "failed": "", "cancelled": "0,2"}


def test_a_refusal_that_may_pass_is_told_and_ends_nothing() -> None:
    plan = planned(a_started_job(), a_job_fact(1), refusal=QUOTA)
    assert (said(plan).phase, said(plan).reason) == ("RUNNING", "PodRefused")
    assert "exceeded quota" in (said(plan).message or "")
    assert [action for action in plan.actions if isinstance(action, CreateCase)], "it is tried again"


def unreadable(*children: Any, status: dict[str, Any] | None = None, **keywords: Any) -> Plan:
    raw = a_job_dict(status={"startTime": CREATED, "phase": "RUNNING", **(status or {})}, cases={}, **keywords)
    job = simulationjob.parse(raw)
    assert isinstance(job, Invalid)
    return planner.plan(job, observed(*children), NOW)


def test_a_spec_that_cannot_be_read_fails_and_says_what_is_wrong() -> None:
    plan = unreadable()
    status = said(plan)
    assert (status.phase, status.reason, status.error_code) == ("FAILED", "InvalidSpec", "INVALID_SPEC")
    assert (status.is_terminal, status.is_failed, status.completion_time, status.observed_generation) == (
        True,
        True,
        NOW,
        1,
    )
    assert "cases" in (status.message or "")
    assert plan.needs_proof


def test_what_still_runs_of_it_is_stopped_before_it_ends() -> None:
    plan = unreadable(a_job_fact(0), a_pod_fact(0), a_job_fact(1, succeeded=True))
    assert plan.actions == (DeletePod(pod=a_pod_fact(0)), DeleteJob(job=a_job_fact(1, succeeded=True)))
    assert plan.status is None
    assert plan.look_again


@pytest.mark.parametrize("latched", [{}, {"cancellation": {"requestedAt": CREATED}}])
def test_a_cancel_of_it_is_obeyed(latched: dict[str, Any]) -> None:
    status = said(unreadable(status=latched, cancel=not latched, cancelReason="mistake"))
    assert (status.phase, status.is_failed, status.error_code) == ("CANCELLED", False, None)
    assert status.cancellation is not None
    assert status.cancellation.finished_at == NOW
    assert latched or status.cancellation.reason == "mistake"


def test_an_end_of_it_stays() -> None:
    assert unreadable(status={"phase": "COMPLETED"}) == Plan()


def test_one_that_goes_has_its_children_removed() -> None:
    plan = unreadable(a_job_fact(0), metadata={"deletionTimestamp": CREATED})
    assert (plan.actions, plan.status) == ((DeleteJob(job=a_job_fact(0)),), None)


def test_a_status_that_cannot_be_read_is_left_alone() -> None:
    assert unreadable(a_job_fact(0), status={"round": "many"}) == Plan()
