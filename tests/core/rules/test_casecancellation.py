from dataclasses import replace
from typing import Any

import pytest
from given.builders import CREATED, NOW, a_job, a_job_fact, a_pod_fact, a_started_job, observed, planned, said
from given.outcomes import as_fields, outcomes_of
from simjob.api.sweep.ranges import Ranges
from simjob.api.sweep.stored import CaseTable
from simjob.core import planner
from simjob.core.facts.jobs import JobFact
from simjob.core.facts.pods import PodFact, PodState
from simjob.core.plan import CreateCase, DeleteJob, DeletePod, Plan, StartAttempt, WriteJobStatus
from simjob.core.rules import casecancellation

FAILED: dict[str, Any] = {"state": PodState.FAILED, "exit_code": 1, "reason": "Error"}


def live(*indexes: int) -> list[JobFact | PodFact]:
    return [fact for index in indexes for fact in (a_job_fact(index), a_pod_fact(index))]


def sweep(cancel_cases: str | None, *, status: dict[str, Any] | None = None, **spec: Any) -> Any:
    spec = {"cases": {"count": 6}, "parallelism": 3, "cancelCases": cancel_cases, **spec}
    return a_started_job(metadata={"generation": 2}, status={"observedGeneration": 2, **(status or {})}, **spec)


def outcomes(plan: Plan) -> dict[str, str]:
    return {key: value for key, value in outcomes_of(said(plan).to_api()).items() if value}


def begun(plan: Plan) -> list[int]:
    started = [action.job.index for action in plan.actions if isinstance(action, StartAttempt)]
    return started + [action.index for action in plan.actions if isinstance(action, CreateCase)]


def test_live_cases_are_latched_and_waiting_cases_cancelled_in_one_write() -> None:
    plan = planned(sweep("0,4"), *live(0, 1))
    assert (plan.actions, plan.look_again) == ((), NOW)
    assert outcomes(plan) == {"cancelling": "0", "cancelled": "4"}
    assert plan.stopped == Ranges.of([4]), "to be proven by a live read"
    assert (said(plan).phase, said(plan).cases.running, said(plan).cases.cancelled) == ("RUNNING", 2, 1)


def test_after_the_latch_only_the_named_cases_are_stopped() -> None:
    job = sweep("0", status={"cancellingIndexes": "0"})
    plan = planned(job, *live(0, 1))
    assert plan.actions == (DeletePod(pod=a_pod_fact(0)), CreateCase(index=2, restarts=0))
    assert outcomes(plan) == {"cancelling": "0"}
    assert "being stopped" in (said(plan).message or "")


def test_a_case_is_cancelled_once_its_pod_stopped_and_its_job_is_deleted_once_that_is_recorded() -> None:
    job = sweep("0", status={"cancellingIndexes": "0"})
    stopping = planned(job, a_job_fact(0), a_pod_fact(0, terminating=True))
    assert (outcomes(stopping), said(stopping).cases.running) == ({"cancelling": "0"}, 1)
    stopped = planned(job, a_job_fact(0), a_pod_fact(0, state=PodState.FAILED, terminating=True, gone=True))
    assert (outcomes(stopped), stopped.stopped) == ({"cancelled": "0"}, Ranges.of([0]))
    assert not [action for action in stopped.actions if isinstance(action, DeleteJob)]
    then = planned(sweep("0", status={"cancelledIndexes": "0"}), a_job_fact(0), *live(1, 2, 3))
    assert then.actions == (DeleteJob(job=a_job_fact(0)),)


@pytest.mark.parametrize(
    "job_fact",
    [
        pytest.param(a_job_fact(0), id="its pod was not created yet"),
        pytest.param(a_job_fact(0, attempt=1, failed=1, not_before=NOW), id="it waits for a retry"),
        pytest.param(a_job_fact(0, suspended=True, says_suspended=True), id="its queue holds it"),
        pytest.param(a_job_fact(0, active=1), id="its pod is gone"),
    ],
)
def test_a_case_with_a_job_and_no_pod_is_cancelled_at_once(job_fact: JobFact) -> None:
    plan = planned(sweep("0", parallelism=1, retries={"limit": 3}), job_fact)
    assert (outcomes(plan), begun(plan)) == ({"cancelled": "0"}, [1])
    assert [action for action in plan.actions if not isinstance(action, CreateCase)] == []


def test_cases_that_ended_before_the_cancel_keep_their_outcome() -> None:
    job = sweep("0-3", status={"cancellingIndexes": "0-2", "succeededIndexes": "3"}, retries={"limit": 0})
    ended: list[Any] = [
        a_job_fact(0),
        a_pod_fact(0, state=PodState.SUCCEEDED),
        a_job_fact(1),
        a_pod_fact(1, **FAILED),
        a_job_fact(2),
        a_pod_fact(2, state=PodState.SUCCEEDED, terminating=True),
    ]
    plan = planned(job, *ended)
    assert outcomes(plan) == {"succeeded": "0,3", "failed": "1", "cancelled": "2"}
    assert [action.job.index for action in plan.actions if isinstance(action, WriteJobStatus)] == [0, 1]


def test_withdrawing_a_latched_request_changes_nothing() -> None:
    status = {"cancellingIndexes": "0", "cancelledIndexes": "1"}
    plan = planned(sweep(None, status=status), *live(0))
    assert plan.actions == (
        DeletePod(pod=a_pod_fact(0)),
        CreateCase(index=2, restarts=0),
        CreateCase(index=3, restarts=0),
    )
    assert outcomes(plan) == {"cancelling": "0", "cancelled": "1"}


def test_a_second_request_adds_to_the_first() -> None:
    plan = planned(sweep("1", status={"cancellingIndexes": "0"}), *live(0, 1, 2))
    assert (plan.actions, outcomes(plan)) == ((), {"cancelling": "0-1"})


def test_cases_cancelled_at_creation_never_start() -> None:
    plan = planned(a_job(cases={"count": 3}, cancelCases="0,2"), spent=None)
    assert (begun(plan), outcomes(plan)) == ([1], {"cancelled": "0,2"})


def test_cases_of_a_suspended_job_can_be_cancelled() -> None:
    suspended = {"phase": "SUSPENDED"}
    plan = planned(sweep("0-1", suspend=True, status=suspended))
    assert (said(plan).phase, outcomes(plan), plan.actions) == ("SUSPENDED", {"cancelled": "0-1"}, ())
    stopping = planned(sweep("0", suspend=True), *live(0, 1))
    assert (stopping.actions, outcomes(stopping)) == ((), {"cancelling": "0"})


def test_cancelling_the_last_open_cases_completes_the_job() -> None:
    plan = planned(sweep("4-5", status={"succeededIndexes": "0-3"}))
    assert (said(plan).phase, said(plan).message) == ("COMPLETED", "4 of 6 cases succeeded, 2 were cancelled")
    assert (outcomes(plan), said(plan).cancellation) == ({"succeeded": "0-3", "cancelled": "4-5"}, None)


def test_the_failure_policy_counts_a_cancelled_case_as_neither_failure_nor_success() -> None:
    plan = planned(sweep("1-5", status={"failedIndexes": "0"}))
    assert (said(plan).phase, said(plan).cases.failed, said(plan).cases.cancelled) == ("FAILED", 1, 5)


@pytest.mark.parametrize(
    "children", [pytest.param([], id="no case has started"), pytest.param(live(0, 1), id="two cases run")]
)
def test_cancelling_every_case_cancels_the_job(children: list[Any]) -> None:
    entry = {"manager": "kubectl-patch", "operation": "Update", "fieldsV1": {"f:spec": {"f:cancelCases": {}}}}
    spec: dict[str, Any] = {"cases": {"count": 3}, "cancelReason": "wrong mesh"}
    first = planned(a_started_job(metadata={"managedFields": [entry]}, cancelCases="0-2", **spec), *children)
    latch = said(first).cancellation
    assert latch is not None
    assert (latch.requested_at, latch.requested_by, latch.reason) == (NOW, "field manager kubectl-patch", "wrong mesh")
    assert (first.actions, first.look_again, said(first).phase) == ((), NOW, "CANCELLING")
    end = planned(a_started_job(status=said(first).to_api(), **spec))
    assert (said(end).phase, said(end).message) == (
        "CANCELLED",
        "Job is cancelled: 0 cases had finished, 3 were cancelled",
    )
    assert outcomes(end) == {"cancelled": "0-2"}


def test_a_cancel_of_the_whole_job_takes_precedence() -> None:
    latched = {"cancellation": {"requestedAt": "2026-01-02T03:04:50Z"}, "cancellingIndexes": "0"}
    plan = planned(sweep("0-1", status=latched), *live(0, 1))
    assert [action.pod.index for action in plan.actions if isinstance(action, DeletePod)] == [0, 1]
    assert (said(plan).phase, outcomes(plan)) == ("CANCELLING", {"cancelled": "2-5"})


def test_a_case_that_ends_during_a_cancel_of_the_job_leaves_the_cancelling_list() -> None:
    job = sweep(None, cancel=True, status={"cancellingIndexes": "0-1"})
    plan = planned(job, a_job_fact(0), a_pod_fact(0, state=PodState.SUCCEEDED), *live(1))
    assert outcomes(plan) == {"succeeded": "0", "cancelling": "1"}


def test_unknown_indexes_are_reported_once_and_the_others_are_cancelled() -> None:
    unseen = {"observedGeneration": 1}
    plan = planned(sweep("4-9", status=unseen))
    (notice,) = plan.notices
    assert (notice.reason, notice.warning) == ("UnknownCases", True)
    assert notice.note == "`cancelCases` names cases that the job does not have: 6-9; it has 0-5"
    assert outcomes(plan) == {"cancelled": "4-5"}
    assert planned(sweep("4-9", status={"cancelledIndexes": "4-5"})).notices == ()


def test_unknown_indexes_of_a_table_are_reported_once_the_table_is_stored() -> None:
    spec: dict[str, Any] = {"cases": {"configMap": {"name": "table", "key": "cases.csv"}}, "cancelCases": "1,5"}
    before = planned(a_job(**spec))
    assert before.notices == ()
    table = CaseTable(config_maps=("sweep-cases-0",), indexes=Ranges.span(3))
    job = a_job(metadata={"generation": 2}, status={"observedGeneration": 2, "startTime": CREATED}, **spec)
    known = planner.plan(job, replace(observed(), prepared=table), NOW)
    assert [notice.note[-15:] for notice in known.notices] == [": 5; it has 0-2"]
    then = planned(job.model_copy(update={"status": said(known)}))
    assert (then.notices, outcomes(then), begun(then)) == ((), {"cancelled": "1"}, [0, 2])


def test_cases_outside_the_subset_are_unknown() -> None:
    plan = planned(sweep("0-2", subset="2-4", status={"observedGeneration": 1}))
    assert outcomes(plan) == {"cancelled": "2"}
    assert plan.notices[0].note.endswith(": 0-1; it has 2-4")


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        pytest.param({}, "1-3", id="no outcome is recorded"),
        pytest.param({"succeeded": "1"}, "2-3", id="a case succeeded"),
        pytest.param({"cancelling": "2"}, "1,3", id="a case is being cancelled"),
        pytest.param({"cancelled": "1-3"}, "", id="all were cancelled before"),
    ],
)
def test_requested_cases_exclude_those_with_a_recorded_outcome(stored: dict[str, str], expected: str) -> None:
    job = sweep("1-3,17", status=as_fields(stored))
    assert str(casecancellation.asked_for(job)) == expected
