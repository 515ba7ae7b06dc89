from dataclasses import replace
from typing import Any

import pytest
from given.builders import a_job, a_job_fact, a_pod_fact, a_started_job, planned, said
from given.outcomes import outcomes_of
from simjob.api.simulationjob import SimulationJob
from simjob.core.facts.jobs import JobFact
from simjob.core.facts.pods import PodFact, PodState
from simjob.core.observed.refusedcreation import Refusal
from simjob.core.plan import CreateCase, DeleteJob, DeletePod

NEVER = Refusal(index=1, kind="Job", message="spec.template: Invalid value", invalid=True, lasted=True, others=True)
QUOTA = Refusal(index=1, kind="Pod", message="exceeded quota")


def a_new_job(**status: Any) -> SimulationJob:
    return a_started_job(status={"phase": "PENDING", "podsAccepted": False, **status})


def test_a_lasting_refusal_fails_a_job_that_never_had_a_pod() -> None:
    plan = planned(a_new_job(), refusal=NEVER)
    status = said(plan)
    assert (status.phase, status.error_code, status.reason) == ("FAILED", "SUBMISSION_FAILED", "JobRefused")
    assert outcomes_of(status.to_api()) == {"succeeded": "", "failed": "1", "cancelled": "0,2"}
    (failure,) = status.failures
    assert (failure.index, failure.error_code, failure.message) == (1, "SUBMISSION_FAILED", NEVER.message)
    assert plan.needs_proof


def test_jobs_without_pods_are_deleted_before_the_job_fails() -> None:
    plan = planned(a_new_job(), a_job_fact(1), refusal=NEVER)
    assert plan.actions == (DeleteJob(job=a_job_fact(1)),)
    assert (said(plan).phase, said(plan).reason) == ("PENDING", "JobRefused")


def test_a_refusal_of_one_case_does_not_fail_the_job_before_another_case_was_tried() -> None:
    plan = planned(a_new_job(), refusal=replace(NEVER, others=False))
    assert (said(plan).phase, said(plan).reason) == ("PENDING", "JobRefused")


def test_a_refusal_of_the_only_case_that_is_left_fails_the_job() -> None:
    job = a_new_job(cancelledIndexes="0,2")
    plan = planned(job, refusal=replace(NEVER, others=False))
    assert (said(plan).phase, said(plan).error_code) == ("FAILED", "SUBMISSION_FAILED")


def test_one_refusal_does_not_fail_the_job() -> None:
    plan = planned(a_new_job(), refusal=replace(NEVER, lasted=False))
    assert (said(plan).phase, said(plan).reason) == ("PENDING", "JobRefused")


@pytest.mark.parametrize(
    ("status", "children"),
    [
        pytest.param({"phase": "RUNNING"}, (), id="the phase says that a case ran"),
        pytest.param({"phase": "ASSIGNED"}, (), id="the phase says that a pod had a node"),
        pytest.param(
            {"phase": "SUSPENDED", "podsAccepted": True}, (), id="its pods were accepted before it was suspended"
        ),
        pytest.param({"succeededIndexes": "0"}, (), id="a case succeeded"),
        pytest.param({"failedIndexes": "0"}, (), id="a case failed"),
        pytest.param({}, (a_job_fact(0), a_pod_fact(0, state=PodState.PENDING)), id="a pod exists"),
        pytest.param({}, (a_job_fact(0, attempt=1),), id="a case is at its second attempt"),
    ],
)
def test_a_refusal_never_fails_a_job_that_had_a_pod(
    status: dict[str, Any], children: tuple[JobFact | PodFact, ...]
) -> None:
    plan = planned(a_new_job(**status), *children, refusal=NEVER)
    assert (said(plan).is_terminal, said(plan).reason) == (False, "JobRefused")
    assert not [action for action in plan.actions if isinstance(action, DeletePod | DeleteJob)]
    assert said(plan).pods_accepted


def test_status_records_from_the_first_plan_that_no_pod_was_accepted() -> None:
    assert said(planned(a_job())).pods_accepted is False
    assert said(planned(a_new_job(), a_job_fact(0))).pods_accepted is False


def test_a_status_of_an_older_release_counts_as_accepted() -> None:
    job = a_started_job(status={"phase": "PENDING"})
    plan = planned(job, refusal=NEVER)
    assert (said(plan).is_terminal, said(plan).reason, said(plan).pods_accepted) == (False, "JobRefused", None)


def test_a_temporary_refusal_is_reported_and_does_not_fail_the_job() -> None:
    plan = planned(a_started_job(), a_job_fact(1), refusal=QUOTA)
    assert (said(plan).phase, said(plan).reason) == ("RUNNING", "PodRefused")
    assert "exceeded quota" in (said(plan).message or "")
    assert [action for action in plan.actions if isinstance(action, CreateCase)], "it is tried again"
