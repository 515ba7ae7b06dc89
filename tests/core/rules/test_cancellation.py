from datetime import timedelta
from typing import Any

import pytest
from given.builders import (
    CREATED,
    NOW,
    UID,
    a_job,
    a_job_dict,
    a_job_fact,
    a_pod_fact,
    a_started_job,
    observed,
    planned,
    said,
)
from given.outcomes import outcomes_of
from simjob.api import names, simulationjob
from simjob.api.simulationjob import Metadata, SimulationJob
from simjob.core import planner
from simjob.core.facts.pods import PodState
from simjob.core.plan import CreateCase, DeleteJob, DeletePod, Plan, StartAttempt, WriteJobStatus
from simjob.core.rules import cancellation
from simjob.core.stopping.stop import HEAD_START, LONGEST_START

LATCH = {"requestedAt": "2026-01-02T03:04:50Z", "requestedBy": "anna", "reason": "wrong mesh"}


def latched(*, status: dict[str, Any] | None = None, **spec: Any) -> Any:
    return a_started_job(status={"phase": "CANCELLING", "cancellation": LATCH, **(status or {})}, **spec)


@pytest.mark.parametrize("phase", ["COMPLETED", "FAILED", "ARCHIVED"])
@pytest.mark.parametrize(
    "wish",
    [
        pytest.param({"cancel": True}, id="the field"),
        pytest.param(
            {"metadata": {"annotations": {names.ANNOTATION_CANCEL_REQUESTED_BY: "anna"}}}, id="the annotation"
        ),
        pytest.param({"cancel": True, "parallelism": -1}, id="the field of a spec that cannot be read"),
    ],
)
def test_a_cancel_that_comes_after_the_end_counts_nowhere(phase: str, wish: dict[str, Any]) -> None:
    ended = {"phase": phase, "isTerminal": True, "startTime": CREATED}
    late = simulationjob.parse(a_job_dict(status=ended, **wish))
    assert not cancellation.is_wanted(late)
    assert not cancellation.stops_all(late), "nothing is stopped while no plan can be made"
    assert cancellation.is_wanted(simulationjob.parse(a_job_dict(status={"phase": "RUNNING"}, **wish)))
    latched = {"phase": "CANCELLED", "isTerminal": True, "cancellation": LATCH}
    assert cancellation.is_wanted(simulationjob.parse(a_job_dict(status=latched, **wish)))


def test_a_cancel_is_latched_before_any_pod_is_deleted() -> None:
    plan = planned(a_started_job(cancel=True, cancelReason="wrong mesh"), a_job_fact(0), a_pod_fact(0))
    latch = said(plan).cancellation
    assert latch is not None
    assert (latch.requested_at, latch.reason, latch.stopping) == (NOW, "wrong mesh", 1)
    assert (plan.actions, said(plan).phase, plan.look_again) == ((), "CANCELLING", NOW)


@pytest.mark.parametrize(
    ("spec", "generation"),
    [
        pytest.param({}, 2, id="the patch that cancels the job"),
        pytest.param({"cancelCases": "1,7"}, 1, id="the patch that cancels cases"),
    ],
)
def test_the_write_that_latches_a_cancel_leaves_case_counts_unchanged(spec: dict[str, Any], generation: int) -> None:
    status = {"cases": {"total": 3, "running": 3}, "observedGeneration": 1}
    job = a_started_job(cancel=True, metadata={"generation": 2}, status=status, **spec)
    plan = planned(job, a_job_fact(0), a_pod_fact(0, state=PodState.SUCCEEDED), a_job_fact(1), a_pod_fact(1))
    new = said(plan)
    assert (new.phase, new.observed_generation, new.outcomes) == ("CANCELLING", generation, job.status.outcomes)
    assert (new.cases, plan.ends) == (job.status.cases, ())
    assert new.cancellation is not None
    assert (new.cancellation.stopping, plan.unlatched) == (1, (DeletePod(pod=a_pod_fact(1)),))
    recorded = job.model_copy(update={"status": new})
    after = planned(recorded, a_job_fact(0), a_pod_fact(0, state=PodState.SUCCEEDED), a_job_fact(1), a_pod_fact(1))
    assert str(said(after).outcomes.succeeded) == "0"


def test_after_the_latch_pods_are_deleted_first_and_jobs_once_their_case_is_recorded() -> None:
    plan = planned(latched(), a_job_fact(0), a_pod_fact(0), a_job_fact(1))
    assert plan.actions == (DeletePod(pod=a_pod_fact(0)),)
    assert str(said(plan).outcomes.cancelled) == "1-2"
    recorded = latched(status={"cancelledIndexes": "1-2"})
    stopping = (a_job_fact(0), a_pod_fact(0, terminating=True))
    after = planned(recorded, *stopping, a_job_fact(1), now=NOW + HEAD_START)
    assert (after.actions, said(after).phase) == ((DeleteJob(job=a_job_fact(1)),), "CANCELLING")


def test_a_latched_cancel_stops_running_pods_before_it_judges_cases() -> None:
    children = (a_job_fact(0), a_pod_fact(0), a_job_fact(1), a_pod_fact(1, terminating=True))
    later = NOW + timedelta(seconds=1)
    plan = planner.before_judging(latched(), observed(*children).live, NOW, later)
    assert plan == Plan(actions=(DeletePod(pod=a_pod_fact(0)),), look_again=later)


def test_cancelled_cases_are_judged_after_a_pause_or_once_no_pod_is_live() -> None:
    later, live = NOW + timedelta(seconds=1), observed(a_job_fact(0), a_pod_fact(0)).live
    deleted = latched()
    deleted = deleted.model_copy(update={"metadata": deleted.metadata.model_copy(update={"deletion_timestamp": NOW})})
    over = latched(status={"phase": "CANCELLED", "isTerminal": True})
    for job, pods, judge_at in [
        (latched(), live, NOW),
        (latched(), observed(a_job_fact(0), a_pod_fact(0, state=PodState.FAILED)).live, later),
        (a_started_job(), live, later),
        (deleted, live, later),
        (over, live, later),
    ]:
        assert planner.before_judging(job, pods, NOW, judge_at) is None


def test_job_deletions_start_later_than_pod_deletions() -> None:
    recorded = latched(cases={"count": 200}, status={"cancelledIndexes": "1-199"})
    jobs = [a_job_fact(i) for i in range(1, 200)]
    children: list[Any] = [a_job_fact(0), a_pod_fact(0, terminating=True), *jobs]
    before = planned(recorded, *children)
    assert (before.actions, before.look_again) == ((), NOW + HEAD_START)
    after = planned(recorded, *children, now=NOW + HEAD_START)
    assert 0 < len(after.actions) < 100, "then they go in portions, since a pass does not see that pods have stopped"
    assert after.actions == tuple(DeleteJob(job=job) for job in jobs[: len(after.actions)])


def test_job_deletions_wait_up_to_two_minutes_for_stopping_pods_of_any_sweep() -> None:
    recorded = latched(status={"cancelledIndexes": "1-2"})
    children: list[Any] = [a_job_fact(0), a_pod_fact(0, terminating=True), a_job_fact(1)]
    now, last_stop = NOW + timedelta(minutes=1), NOW + timedelta(seconds=58)
    plan = planned(recorded, *children, now=now, last_stop=last_stop)
    assert (plan.actions, plan.look_again) == ((), last_stop + HEAD_START)
    plan = planned(recorded, *children, now=last_stop + HEAD_START, last_stop=last_stop)
    assert plan.actions == (DeleteJob(job=a_job_fact(1)),)
    late = NOW + LONGEST_START
    plan = planned(recorded, *children, now=late, last_stop=late)
    assert plan.actions == (DeleteJob(job=a_job_fact(1)),)


@pytest.mark.parametrize("children", [[], [a_job_fact(0)], [a_job_fact(0), a_pod_fact(0, terminating=True)]])
def test_a_latched_cancel_creates_nothing(children: list[Any]) -> None:
    for job in (a_started_job(cancel=True), latched(), latched(cancel=True)):
        plan = planned(job, *children)
        assert not [action for action in plan.actions if isinstance(action, CreateCase | StartAttempt)]


def test_withdrawing_a_latched_cancel_changes_nothing() -> None:
    assert planned(latched(cancel=False), a_job_fact(0)) == planned(latched(cancel=True), a_job_fact(0))
    assert said(planned(latched())).phase == "CANCELLED"


def test_a_sweep_created_with_cancel_creates_no_job() -> None:
    first = planned(a_job(cancel=True), spent=None)
    assert (first.actions, said(first).phase) == ((), "CANCELLING")
    then = planned(a_job(cancel=True, status=said(first).to_api()))
    assert (then.actions, said(then).phase, str(said(then).outcomes.cancelled)) == ((), "CANCELLED", "0-2")


def test_cancelled_needs_a_proof_that_no_pod_is_live() -> None:
    assert said(planned(latched(), a_job_fact(0), a_pod_fact(0, terminating=True))).phase == "CANCELLING"
    recorded = latched(status={"cancelledIndexes": "0-2"})
    assert said(planned(recorded, a_pod_fact(0))).phase == "CANCELLING", "a pod is live"
    end = planned(latched(), a_job_fact(0))
    assert (said(end).phase, end.needs_proof, said(end).completion_time) == ("CANCELLED", True, NOW)


def test_leftover_jobs_are_deleted_after_cancelled_is_written() -> None:
    end = said(planned(latched(), a_job_fact(0), a_job_fact(1))).to_api()
    plan = planned(a_started_job(status=end), a_job_fact(0), a_job_fact(1))
    assert (plan.actions, said(plan).phase) == (tuple(DeleteJob(job=a_job_fact(i)) for i in (0, 1)), "CANCELLED")


def test_the_end_adds_its_time_to_the_recorded_cancellation() -> None:
    latch = said(planned(latched())).cancellation
    assert latch is not None
    assert latch.to_api() == {**LATCH, "finishedAt": "2026-01-02T03:05:00Z"}


def test_status_counts_the_pods_that_are_still_stopping() -> None:
    children = [fact for i in range(3) for fact in (a_job_fact(i), a_pod_fact(i, terminating=i > 0))]
    latch = said(planned(latched(), *children)).cancellation
    assert latch is not None
    assert latch.stopping == 3


def test_the_job_of_an_uncounted_failure_is_deleted_only_once_its_case_is_recorded() -> None:
    job, failed = a_job_fact(0), a_pod_fact(0, state=PodState.FAILED, exit_code=1)
    plan = planned(latched(retries={"limit": 2}), job, failed)
    assert (plan.actions, str(said(plan).outcomes.cancelled)) == ((), "0-2")


def test_cases_that_ended_before_the_cancel_keep_their_outcome() -> None:
    children: list[Any] = [
        a_job_fact(1),
        a_pod_fact(1, state=PodState.SUCCEEDED),
        a_job_fact(2),
        a_pod_fact(2, state=PodState.FAILED, exit_code=1),
        a_job_fact(3),
        a_pod_fact(3, state=PodState.SUCCEEDED, terminating=True),
    ]
    plan = planned(latched(cases={"count": 6}, status={"succeededIndexes": "0"}), *children)
    assert outcomes_of(said(plan).to_api()) == {"succeeded": "0-1", "failed": "2", "cancelled": "3-5"}
    after = planned(a_started_job(cases={"count": 6}, cancel=True, status=said(plan).to_api()), *children[:4])
    told = [action.job.index for action in after.actions if isinstance(action, WriteJobStatus)]
    assert (told, len(after.actions)) == ([1, 2], 2), "their Jobs get their last status and stay"


def test_a_case_is_not_cancelled_while_its_pod_is_stopping() -> None:
    plan = planned(latched(), a_job_fact(0), a_pod_fact(0, terminating=True))
    assert str(said(plan).outcomes.cancelled) == "1-2"
    assert said(plan).cases.running == 1


def test_a_cancel_takes_precedence_over_suspension_refusal_and_completion() -> None:
    plan = planned(latched(suspend=True, cases={"count": 1}), a_job_fact(0), a_pod_fact(0, state=PodState.SUCCEEDED))
    assert said(plan).phase == "CANCELLED"


def test_pods_that_do_not_stop_are_named() -> None:
    pod = a_pod_fact(0, terminating=True, grace=30, node="node-7")
    late = NOW + timedelta(seconds=40)
    before = planned(latched(), a_job_fact(0), pod, now=NOW + HEAD_START)
    assert (said(before).reason, before.look_again) == ("CancelRequested", late)
    status = said(planned(latched(), a_job_fact(0), pod, now=late))
    assert status.reason == "PodsNotStopping"
    assert f"{pod.name} on node node-7" in (status.message or "")


def test_a_pod_that_cannot_be_deleted_is_named_and_delays_no_other_case() -> None:
    recorded = latched(cases={"count": 2}, status={"cancelledIndexes": "1"})
    children: list[Any] = [a_job_fact(0), a_pod_fact(0, node="node-7"), a_job_fact(1)]
    # The latch is ten seconds old.
    plan = planned(recorded, *children)
    assert plan.actions == (DeletePod(pod=a_pod_fact(0, node="node-7")), DeleteJob(job=a_job_fact(1)))
    status = said(plan)
    assert (status.phase, status.reason) == ("CANCELLING", "PodsNotStopping")
    assert f"does not accept the deletion of {a_pod_fact(0).name} on node node-7" in (status.message or "")
    early = planned(recorded, *children, now=NOW - timedelta(seconds=9))
    assert (said(early).reason, early.look_again) == ("CancelRequested", NOW - timedelta(seconds=5))


@pytest.mark.parametrize(
    ("attributed", "text"),
    [
        pytest.param(True, "anna@example.org", id="a policy of the API server attributes the request"),
        pytest.param(
            False, "annotation simjob.dev/cancel-requested-by: anna@example.org", id="anybody can write the annotation"
        ),
    ],
)
def test_the_annotation_names_a_user_only_if_it_cannot_be_forged(attributed: bool, text: str) -> None:
    noted = {"annotations": {"simjob.dev/cancel-requested-by": "anna@example.org"}}
    latch = said(planned(a_started_job(metadata=noted), attributed=attributed)).cancellation
    assert latch is not None
    assert latch.requested_by == text


def test_without_the_annotation_the_field_manager_is_named() -> None:
    def owner(manager: str, fields: dict[str, Any], time: str | None = None) -> dict[str, Any]:
        return {"manager": manager, "operation": "Update", "time": time, "fieldsV1": {"f:spec": fields}}

    entries = [
        owner("helm", {"f:cases": {}}, "2026-01-02T03:05:00Z"),
        owner("argocd", {"f:cancel": {}}, "2026-01-02T03:04:00Z"),
        owner("kubectl-patch", {"f:cancel": {}}, "2026-01-02T03:04:30Z"),
        owner("old", {"f:cancel": {}}),
        owner("older", {"f:cancel": {}}),
    ]
    metadata = Metadata.model_validate({"name": "sweep", "uid": UID, "managedFields": entries})
    assert cancellation.requested_by(metadata, attributed=True) == "field manager kubectl-patch"


def test_a_cancel_by_an_unknown_user_is_latched() -> None:
    latch = said(planned(a_started_job(cancel=True))).cancellation
    assert latch is not None
    assert latch.requested_by is None


@pytest.mark.parametrize("cancel", [None, False])
def test_without_a_request_nothing_is_cancelled(cancel: bool | None) -> None:
    assert said(planned(a_started_job(cancel=cancel))).cancellation is None


class TestWithoutAPlan:
    """What is done where the children are not known as a whole."""

    def test_a_cancel_is_latched_and_the_rest_of_the_status_stays(self) -> None:
        stored = {"succeededIndexes": "1", "cases": {"total": 3, "running": 2}, "progress": "1/3", "restarts": 2}
        job = a_started_job(status=stored, cancel=True, cancelReason="wrong mesh")
        plan = planner.plan_stop(job, observed(a_job_fact(0), a_pod_fact(0)).live, NOW)
        assert plan.actions == (DeletePod(pod=a_pod_fact(0)),)
        latch = said(plan).cancellation
        assert latch is not None
        assert (latch.requested_at, latch.reason, latch.stopping) == (NOW, "wrong mesh", 1)
        assert (said(plan).phase, said(plan).reason) == ("CANCELLING", "CancelRequested")
        restated = {"phase", "reason", "message", "conditions", "cancellation", "observed_generation"}
        assert said(plan).model_dump(exclude=restated) == job.status.model_dump(exclude=restated)

    @pytest.mark.parametrize(
        "job",
        [
            latched(),
            a_started_job(metadata={"deletionTimestamp": "2026-01-02T03:04:50Z"}, cancel=True),
            a_started_job(status={"phase": "COMPLETED", "isTerminal": True}, cancel=True),
        ],
    )
    def test_a_latched_deleted_or_ended_job_gets_no_second_latch(self, job: SimulationJob) -> None:
        plan = planner.plan_stop(job, observed(a_job_fact(0), a_pod_fact(0)).live, NOW)
        assert (plan.actions, plan.status) == ((DeletePod(pod=a_pod_fact(0)),), None)

    def test_cancelled_is_never_written(self) -> None:
        plan = planner.plan_stop(a_started_job(cancel=True), observed().live, NOW)
        assert (plan.actions, said(plan).phase, said(plan).is_terminal) == ((), "CANCELLING", False)
