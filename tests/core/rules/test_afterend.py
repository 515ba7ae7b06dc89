from typing import Any

import pytest
from given.builders import CREATED, NOW, a_job_fact, a_pod_fact, a_started_job, planned, said
from simjob.api import names
from simjob.core.plan import DeleteJob, DeletePod, WriteJobStatus
from simjob.core.stopping import keptjobs
from simjob.core.stopping.stop import HEAD_START, OTHERS_FIRST

ENDED = {"completionTime": CREATED, "isTerminal": True, "observedGeneration": 1, "succeededIndexes": "0-2"}


@pytest.mark.parametrize("phase", ["COMPLETED", "FAILED", "CANCELLED"])
@pytest.mark.parametrize(
    "spec", [{}, {"suspend": True}, {"cancel": True}, {"cancelCases": "0-99999"}, {"parallelism": 9}]
)
def test_an_ended_status_changes_only_its_observed_generation(phase: str, spec: dict[str, Any]) -> None:
    job = a_started_job(metadata={"generation": 5}, status=ENDED | {"phase": phase}, **spec)
    plan = planned(job)
    assert said(plan) == job.status.model_copy(update={"observed_generation": 5})
    assert (plan.actions, plan.look_again) == ((), None)


LATE = [
    pytest.param({"cancel": True, "cancelReason": "wrong mesh"}, {}, id="the field"),
    pytest.param({"cancel": True, "cancelCases": "0-1"}, {}, id="the field and some cases"),
    pytest.param({}, {names.ANNOTATION_CANCEL_REQUESTED_BY: "anna"}, id="the annotation"),
]
CHILDREN: list[Any] = [a_job_fact(0), a_job_fact(1), a_pod_fact(1), a_job_fact(2, restarts=1)]


@pytest.mark.parametrize("phase", ["COMPLETED", "FAILED"])
@pytest.mark.parametrize(("spec", "annotations"), LATE)
def test_a_cancel_after_the_end_changes_no_action_and_no_status(
    phase: str, spec: dict[str, Any], annotations: dict[str, str]
) -> None:
    status = ENDED | {"phase": phase, "succeededIndexes": "0-1", "failedIndexes": "2"}
    undisturbed = planned(a_started_job(metadata={"generation": 2}, status=status), *CHILDREN)
    late = a_started_job(metadata={"generation": 2, "annotations": annotations}, status=status, **spec)
    plan = planned(late, *CHILDREN)
    assert plan.actions == undisturbed.actions
    assert (plan.status, plan.ends, plan.unlatched) == (undisturbed.status, (), ())
    assert said(plan).cancellation is None


@pytest.mark.parametrize("phase", ["COMPLETED", "FAILED"])
def test_a_cancel_after_the_end_is_reported_once(phase: str) -> None:
    status = ENDED | {"phase": phase}
    late = a_started_job(metadata={"generation": 2}, status=status, cancel=True)
    plan = planned(late)
    (notice,) = plan.notices
    assert (notice.reason, notice.action, notice.warning) == ("CancelTooLate", "Cancel", True)
    assert notice.note == f"`cancel` was set after the job had ended, so it has no effect: the job stays {phase}"
    seen = late.model_copy(update={"status": said(plan)})
    assert planned(seen).notices == ()


def test_a_cancel_of_a_cancelled_job_is_not_called_too_late() -> None:
    status = ENDED | {"phase": "CANCELLED", "cancellation": {"requestedAt": CREATED}}
    assert planned(a_started_job(metadata={"generation": 2}, status=status, cancel=True)).notices == ()
    withdrawn = a_started_job(metadata={"generation": 2}, status=ENDED | {"phase": "COMPLETED"}, cancel=False)
    assert planned(withdrawn).notices == ()


def test_job_deletions_of_an_ended_sweep_wait_up_to_five_minutes_for_stopping_pods_of_others() -> None:
    ended = {"phase": "CANCELLED", "completionTime": NOW.isoformat(), "succeededIndexes": "", "cancelledIndexes": "0-2"}
    job = a_started_job(status=ENDED | ended)
    children: list[Any] = [a_job_fact(0), a_job_fact(1), a_pod_fact(1)]
    plan = planned(job, *children, last_stop=NOW)
    assert (plan.actions, plan.look_again) == ((DeletePod(pod=a_pod_fact(1)),), NOW + HEAD_START)
    removal = [DeletePod(pod=a_pod_fact(1)), DeleteJob(job=a_job_fact(0))]
    assert list(planned(job, *children).actions) == removal, "no other pod is being stopped"
    assert list(planned(job, *children, now=NOW + HEAD_START, last_stop=NOW).actions) == removal
    late = NOW + OTHERS_FIRST
    assert list(planned(job, *children, now=late, last_stop=late).actions) == removal


def test_after_the_end_nothing_is_created_and_leftovers_are_deleted() -> None:
    job = a_started_job(status=ENDED | {"phase": "CANCELLED", "succeededIndexes": "0", "cancelledIndexes": "1-2"})
    children: list[Any] = [a_job_fact(0), a_job_fact(1), a_pod_fact(1), a_job_fact(2)]
    plan = planned(job, *children)
    assert [type(action) for action in plan.actions] == [DeletePod, DeleteJob, WriteJobStatus]
    assert plan.look_again, "it is looked at again as long as something is there"


def test_leftover_pods_are_deleted_at_once_and_jobs_in_batches() -> None:
    ended = ENDED | {"phase": "CANCELLED", "succeededIndexes": "", "cancelledIndexes": "0-499"}
    jobs = [a_job_fact(i) for i in range(500)]
    plan = planned(a_started_job(cases={"count": 500}, status=ended), *jobs, a_pod_fact(499))
    assert plan.actions == (DeletePod(pod=a_pod_fact(499)), *(DeleteJob(job=job) for job in jobs[: keptjobs.AT_ONCE]))


def test_an_end_with_an_unknown_phase_is_kept() -> None:
    status = ENDED | {"phase": "ARCHIVED"}
    plan = planned(a_started_job(metadata={"generation": 2}, status=status), a_job_fact(0), a_pod_fact(0))
    assert (plan.actions, plan.status) == ((), a_started_job(status=status).status)
