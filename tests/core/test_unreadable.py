from typing import Any

import pytest
from given.builders import CREATED, NOW, a_job_dict, a_job_fact, a_pod_fact, observed
from given.outcomes import outcomes_of
from simjob.api import conditions, simulationjob
from simjob.api.simulationjob import Invalid
from simjob.core import planner
from simjob.core.facts.pods import PodState
from simjob.core.plan import DeleteJob, DeletePod, Plan

STARTED = {"startTime": CREATED, "phase": "RUNNING", "cases": {"total": 3, "pending": 3}}
LATCHED = STARTED | {"phase": "CANCELLING", "cancellation": {"requestedAt": CREATED}}
# A rule that another version had not, and cases that another version knew.
STRICTER = {"parallelism": -1}
OTHER_CASES = {"cases": {"grid": 3}}


def planned(*children: Any, spec: dict[str, Any] = STRICTER, **job: Any) -> Plan:
    found = simulationjob.parse(a_job_dict(**{"status": STARTED, **spec, **job}))
    assert isinstance(found, Invalid)
    return planner.plan(found, observed(*children), NOW)


def truths(plan: Plan) -> dict[str, str]:
    assert plan.status is not None
    return {condition.type: condition.status for condition in plan.status.conditions}


@pytest.mark.parametrize("spec", [STRICTER, OTHER_CASES])
class TestHeld:
    def test_running_cases_continue_and_nothing_is_created_or_deleted(self, spec: dict[str, Any]) -> None:
        ended = a_job_fact(1), a_pod_fact(1, state=PodState.SUCCEEDED)
        plan = planned(a_job_fact(0), a_pod_fact(0), *ended, a_job_fact(2), spec=spec)
        assert plan.actions == ()
        assert plan.status is not None
        assert (plan.status.phase, plan.status.reason, plan.status.is_terminal) == ("RUNNING", "UnreadableSpec", False)
        assert (plan.status.observed_generation, plan.status.completion_time) == (1, None)
        assert truths(plan) | {conditions.STALLED: "True", conditions.RECONCILING: "False"} == truths(plan)

    def test_outcomes_and_counts_are_kept(self, spec: dict[str, Any]) -> None:
        stored = STARTED | {"succeededIndexes": "0", "failures": [{"index": 1}], "restarts": 2}
        plan = planned(a_job_fact(1), a_pod_fact(1, state=PodState.SUCCEEDED), spec=spec, status=stored)
        assert plan.status is not None
        assert (str(plan.status.outcomes.succeeded), plan.status.cases.pending, plan.status.restarts) == ("0", 3, 2)
        assert plan.ends == (), "outcomes are recorded when it can be read again"

    def test_a_second_plan_changes_nothing(self, spec: dict[str, Any]) -> None:
        plan = planned(a_job_fact(0), spec=spec)
        assert plan.status is not None
        again = planned(a_job_fact(0), spec=spec, status=plan.status.to_api())
        assert again.status == plan.status

    def test_a_case_whose_cancel_is_stored_is_stopped(self, spec: dict[str, Any]) -> None:
        stored = STARTED | {"cancellingIndexes": "0", "cancelledIndexes": "1"}
        pods = [a_pod_fact(index) for index in range(3)]
        plan = planned(*(a_job_fact(index) for index in range(3)), *pods, spec=spec, status=stored)
        assert plan.actions == (DeletePod(pod=pods[0]), DeletePod(pod=pods[1]))

    def test_an_accepted_job_without_children_is_held(self, spec: dict[str, Any]) -> None:
        plan = planned(spec=spec, status={"phase": "PENDING", "startTime": CREATED})
        assert plan.status is not None
        assert (plan.status.phase, plan.status.reason) == ("PENDING", "UnreadableSpec")

    def test_a_job_with_children_and_a_lost_status_is_held(self, spec: dict[str, Any]) -> None:
        plan = planned(a_job_fact(0), spec=spec, status={})
        assert plan.status is not None
        assert (plan.actions, plan.status.reason) == ((), "UnreadableSpec")


def test_the_message_names_the_field_and_the_remedy() -> None:
    plan = planned(a_job_fact(0))
    assert plan.status is not None
    assert plan.status.message == (
        "this version of the operator cannot read the spec: spec.parallelism: Input should be greater than or equal "
        "to 0; running cases go on and none starts. Use a version that can read it, or cancel"
    )


@pytest.mark.parametrize("spec", [STRICTER, OTHER_CASES])
def test_a_job_that_was_never_accepted_fails_with_the_reason(spec: dict[str, Any]) -> None:
    plan = planned(spec=spec, status={})
    status = plan.status
    assert status is not None
    assert (status.phase, status.reason, status.error_code) == ("FAILED", "InvalidSpec", "INVALID_SPEC")
    assert (status.is_terminal, status.is_failed, status.completion_time) == (True, True, NOW)
    assert next(iter(spec)) in (status.message or "")
    assert (plan.actions, plan.needs_proof) == ((), True)


@pytest.mark.parametrize("spec", [STRICTER, OTHER_CASES])
class TestCancel:
    def test_a_cancel_is_latched_first(self, spec: dict[str, Any]) -> None:
        plan = planned(a_job_fact(0), a_pod_fact(0), spec=spec, cancel=True, cancelReason="mistake")
        assert plan.status is not None
        assert plan.status.cancellation is not None
        assert (plan.status.phase, plan.status.cancellation.reason) == ("CANCELLING", "mistake")
        assert (plan.actions, plan.look_again) == ((), NOW)

    def test_running_cases_are_stopped_even_if_the_latch_cannot_be_stored(self, spec: dict[str, Any]) -> None:
        plan = planned(a_job_fact(0), a_pod_fact(0), spec=spec, cancel=True)
        assert plan.unlatched == (DeletePod(pod=a_pod_fact(0)),)

    def test_a_latched_cancel_stops_running_cases(self, spec: dict[str, Any]) -> None:
        plan = planned(a_job_fact(0), a_pod_fact(0), spec=spec, status=LATCHED)
        assert plan.actions == (DeletePod(pod=a_pod_fact(0)),)

    def test_a_cancel_completes_when_no_pod_is_live(self, spec: dict[str, Any]) -> None:
        plan = planned(spec=spec, status=LATCHED)
        status = plan.status
        assert status is not None
        assert (status.phase, status.is_failed, status.cases.cancelled, status.cases.pending) == (
            "CANCELLED",
            False,
            3,
            0,
        )
        assert status.cancellation is not None
        assert status.cancellation.finished_at == NOW
        assert plan.needs_proof


def test_a_case_that_ended_before_the_cancel_keeps_its_outcome() -> None:
    plan = planned(a_job_fact(1), a_pod_fact(1, state=PodState.SUCCEEDED), status=LATCHED)
    assert plan.status is not None
    assert outcomes_of(plan.status.to_api()) == {"succeeded": "1", "failed": "", "cancelled": "0,2"}
    assert [end.index for end in plan.ends] == [1]


@pytest.mark.parametrize("spec", [STRICTER, OTHER_CASES])
def test_an_ended_job_is_left_alone(spec: dict[str, Any]) -> None:
    plan = planned(spec=spec, status={"phase": "COMPLETED", "isTerminal": True, "observedGeneration": 1})
    assert plan.actions == ()
    assert plan.status is None or plan.status.phase == "COMPLETED"


@pytest.mark.parametrize("spec", [STRICTER, OTHER_CASES])
def test_a_deleted_job_has_its_children_deleted(spec: dict[str, Any]) -> None:
    plan = planned(a_job_fact(0), spec=spec, metadata={"deletionTimestamp": CREATED})
    assert (plan.actions, plan.status) == ((DeleteJob(job=a_job_fact(0)),), None)


def test_an_unreadable_status_is_left_alone() -> None:
    assert planned(a_job_fact(0), a_pod_fact(0), status={"restarts": "many"}) == Plan()


def test_a_cancel_is_carried_out_despite_an_unreadable_status() -> None:
    plan = planned(a_job_fact(0), a_pod_fact(0), status={"restarts": "many"}, cancel=True)
    assert (plan.actions, plan.status) == ((DeletePod(pod=a_pod_fact(0)),), None)


def test_a_cancel_with_an_unreadable_status_deletes_no_ended_child() -> None:
    plan = planned(a_job_fact(0), a_pod_fact(0, state=PodState.SUCCEEDED), status={"restarts": "many"}, cancel=True)
    assert (plan.actions, plan.status) == ((), None)
