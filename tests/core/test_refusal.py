from builders import a_job_fact, a_pod_fact, a_started_job, planned, said
from simjob.core.facts import PodState
from simjob.core.observed import Refusal
from simjob.core.plan import CreateCase, DeleteJob, DeletePod

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
