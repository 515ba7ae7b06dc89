from datetime import timedelta
from typing import Any

from given.builders import NOW, a_job_fact, a_pod_fact, a_started_job, planned, said
from given.outcomes import outcomes_of
from simjob.core.facts.pods import PodState
from simjob.core.plan import DeleteJob, DeletePod


def suspended(*, status: dict[str, Any] | None = None, **spec: Any) -> Any:
    return a_started_job(status=status, suspend=True, **spec)


def test_suspending_stops_running_cases_and_starts_none() -> None:
    plan = planned(suspended(), a_job_fact(0), a_pod_fact(0), a_job_fact(1))
    assert plan.actions == (DeletePod(pod=a_pod_fact(0)), DeleteJob(job=a_job_fact(1)))
    assert (said(plan).phase, said(plan).reason) == ("RUNNING", "Suspending")


def test_suspended_needs_a_proof_that_no_pod_is_live() -> None:
    plan = planned(suspended())
    assert (plan.actions, said(plan).phase, plan.needs_proof) == ((), "SUSPENDED", True)
    conditions = {condition.type: condition.status for condition in said(plan).conditions}
    assert (conditions["Suspended"], conditions["Reconciling"], conditions["Finished"]) == ("True", "False", "False")


def test_a_job_that_is_already_suspended_needs_no_proof() -> None:
    assert not planned(suspended(status={"phase": "SUSPENDED"})).needs_proof


def test_stopped_cases_become_pending() -> None:
    stopped = a_pod_fact(0, state=PodState.FAILED, terminating=True, gone=True)
    plan = planned(suspended(), a_job_fact(0), stopped)
    assert (said(plan).cases.pending, outcomes_of(said(plan).to_api())["failed"]) == (3, "")


def test_cases_that_ended_keep_their_outcome() -> None:
    plan = planned(suspended(), a_job_fact(0), a_pod_fact(0, state=PodState.SUCCEEDED))
    assert str(said(plan).outcomes.succeeded) == "0"


def test_a_suspended_job_ends_when_all_its_cases_have_ended() -> None:
    assert said(planned(suspended(status={"succeededIndexes": "0-2"}))).phase == "COMPLETED"


def test_pods_that_do_not_stop_are_named() -> None:
    pod = a_pod_fact(0, terminating=True, grace=30)
    status = said(planned(suspended(), a_job_fact(0), pod, now=NOW + timedelta(seconds=40)))
    assert status.reason == "PodsNotStopping"
    assert pod.name in (status.message or "")
