from datetime import datetime, timedelta
from typing import Any

import pytest
from given.builders import CREATED, NOW, a_job_fact, a_pod_fact, a_started_job, observed, planned, said
from given.outcomes import outcomes_of
from simjob.api.simulationjob import Invalid, SimulationJob
from simjob.core import planner
from simjob.core.facts.pods import PodState
from simjob.core.observed.preparation import Unprepared
from simjob.core.plan import CreateCase, DeleteJob, DeletePod, resync_at
from simjob.core.rules import accepting

START = datetime.fromisoformat(CREATED)
BEFORE, AT = START + timedelta(seconds=99), START + timedelta(seconds=100)


def bounded(total: int = 100, *, status: dict[str, Any] | None = None, **spec: Any) -> SimulationJob:
    return a_started_job(timeouts={"totalSeconds": total}, status=status, **spec)


def suspended_since(time: str) -> dict[str, Any]:
    condition = {
        "type": "Suspended",
        "status": "True",
        "reason": "Suspended",
        "message": "",
        "lastTransitionTime": time,
    }
    return {"phase": "SUSPENDED", "conditions": [condition]}


def test_a_job_that_exceeds_total_seconds_stops_its_pods_first() -> None:
    plan = planned(bounded(), a_job_fact(0), a_pod_fact(0), a_job_fact(1), now=AT)
    assert (plan.actions, str(said(plan).outcomes.cancelled)) == ((DeletePod(pod=a_pod_fact(0)),), "")
    assert (said(plan).phase, said(plan).reason, said(plan).is_terminal) == ("RUNNING", "TotalTimeout", False)


def test_once_its_pods_stopped_the_job_fails_and_unfinished_cases_are_cancelled() -> None:
    job = bounded(status={"succeededIndexes": "0"})
    pod = a_pod_fact(1, state=PodState.FAILED, exit_code=1)
    plan = planned(job, a_job_fact(1), pod, now=AT)
    status = said(plan)
    assert (status.phase, status.reason, status.error_code, status.is_failed) == (
        "FAILED",
        "TotalTimeout",
        "TOTAL_TIMEOUT",
        True,
    )
    assert outcomes_of(status.to_api()) == {"succeeded": "0", "failed": "1", "cancelled": "2"}
    assert [failure.index for failure in status.failures] == [1]
    assert (plan.needs_proof, plan.look_again) == (True, AT)


def test_jobs_of_the_cancelled_cases_are_deleted_after_the_end() -> None:
    ended = bounded(status={"phase": "FAILED", "succeededIndexes": "0", "cancelledIndexes": "1-2"})
    assert planned(ended, a_job_fact(1), now=AT).actions == (DeleteJob(job=a_job_fact(1)),)


def test_the_next_look_of_a_running_job_is_at_its_total_deadline() -> None:
    plan = planned(bounded(), now=BEFORE)
    assert [action for action in plan.actions if isinstance(action, CreateCase)]
    assert plan.look_again == AT
    assert planned(bounded(10_000), now=BEFORE).look_again == resync_at(BEFORE)


def test_a_pod_that_does_not_stop_is_named() -> None:
    pod = a_pod_fact(0, terminating=True, node="node-7")
    status = said(planned(bounded(), a_job_fact(0), pod, now=NOW + timedelta(seconds=3600)))
    assert status.reason == "PodsNotStopping"
    assert "`timeouts.totalSeconds`, 100 s" in (status.message or "")
    assert "node-7" in (status.message or "")


def test_a_job_whose_cases_ended_in_time_completes() -> None:
    assert said(planned(bounded(status={"succeededIndexes": "0-2"}), now=AT)).phase == "COMPLETED"


def test_a_cancel_takes_precedence_over_the_total_deadline() -> None:
    job = bounded(status={"cancellation": {"requestedAt": CREATED}})
    assert said(planned(job, now=AT)).phase == "CANCELLED"


def test_raising_total_seconds_lets_the_job_continue() -> None:
    status = said(planned(bounded(200), a_job_fact(0), a_pod_fact(0, terminating=True, asked_at=AT), now=AT))
    assert (status.phase, status.reason) == ("RUNNING", "CasesRunning")


def test_total_seconds_do_not_pass_during_a_suspension() -> None:
    job = bounded(suspend=True, status=suspended_since("2026-01-02T03:04:35Z"))
    assert said(planned(job, now=START + timedelta(days=1))).phase == "SUSPENDED"


@pytest.mark.parametrize(
    ("stored", "resumed_after", "seconds"),
    [
        pytest.param({}, 60, 30, id="the first suspension counts from when it began"),
        pytest.param({"suspendedSeconds": 400}, 460, 830, id="a later suspension adds to the earlier ones"),
        pytest.param({}, 29, 0, id="a time before the suspension adds nothing"),
    ],
)
def test_the_write_that_ends_a_suspension_adds_its_seconds(
    stored: dict[str, Any], resumed_after: int, seconds: int
) -> None:
    job = bounded(50, status=stored | suspended_since("2026-01-02T03:04:35Z"))
    plan = planned(job, now=START + timedelta(seconds=resumed_after))
    assert (said(plan).phase, said(plan).suspended_seconds) == ("PENDING", seconds)


def test_suspended_seconds_extend_the_total_deadline() -> None:
    job = bounded(status={"suspendedSeconds": 30})
    assert said(planned(job, now=AT + timedelta(seconds=29))).phase == "RUNNING"
    assert said(planned(job, now=AT + timedelta(seconds=30))).phase == "FAILED"


def test_a_corrupt_status_cannot_overflow_the_deadline() -> None:
    plan = planned(bounded(2**31 - 1, status={"suspendedSeconds": 2**62}), now=AT)
    assert plan.look_again == resync_at(AT)


def test_a_suspended_job_past_its_deadline_is_not_requeued_in_a_tight_loop() -> None:
    job = bounded(suspend=True, cases={"configMap": {"name": "table", "key": "t.csv"}})
    assert said(planned(job, now=AT)).reason == "PreparingCases"
    assert planned(job, now=AT).look_again == resync_at(AT)
    missing = Unprepared(reason="CaseSourceNotFound", message="not there", at=AT)
    assert planned(job, prepared=missing, now=AT).look_again == AT + accepting.PAUSE


def test_a_pod_that_outlives_the_deadline_is_not_requeued_in_a_tight_loop() -> None:
    job = bounded(status={"succeededIndexes": "0-2"})
    plan = planned(job, a_pod_fact(0, terminating=True), now=AT)
    assert (said(plan).is_terminal, plan.look_again) == (False, resync_at(AT))


def queued_since(time: datetime, **status: Any) -> dict[str, Any]:
    condition = {
        "type": "Queued",
        "status": "True",
        "reason": "QueuedByKueue",
        "message": "",
        "lastTransitionTime": time.isoformat(),
    }
    return {"reason": "QueuedByKueue", "conditions": [condition], **status}


def test_total_seconds_do_not_pass_while_a_queue_holds_all_cases() -> None:
    job = bounded(status=queued_since(START + timedelta(seconds=60)))
    later = START + timedelta(days=1)
    plan = planned(job, a_job_fact(0, suspended=True, created=START), now=later)
    assert (said(plan).reason, said(plan).suspended_seconds) == ("QueuedByKueue", None)
    assert plan.look_again is not None
    assert plan.look_again > later + timedelta(seconds=20), "the deadline does not come closer"


def test_a_held_job_does_not_time_out_before_its_hold_is_stored() -> None:
    plan = planned(bounded(), a_job_fact(0, suspended=True, created=START), now=START + timedelta(hours=2))
    assert (said(plan).reason, said(plan).phase) == ("QueuedByKueue", "RUNNING")


def test_the_write_that_ends_a_hold_adds_its_seconds() -> None:
    job = bounded(status=queued_since(START + timedelta(seconds=60), suspendedSeconds=5))
    admitted = START + timedelta(seconds=360)
    plan = planned(job, a_job_fact(0), a_pod_fact(0), a_job_fact(1, suspended=True), now=admitted)
    assert (said(plan).reason, said(plan).suspended_seconds) == ("CasesRunning", 305)
    assert plan.look_again == admitted + timedelta(seconds=45), "100 s, of which 55 s have passed"


def test_an_unreadable_spec_ends_a_hold_without_losing_its_time() -> None:
    raw = bounded(status=queued_since(START + timedelta(seconds=10)))
    invalid = Invalid(message="no", metadata=raw.metadata, status=raw.status, cancel=False, cancel_reason=None)
    status = said(planner.plan(invalid, observed(), START + timedelta(seconds=50)))
    assert (status.reason, status.suspended_seconds) == ("UnreadableSpec", 40)


def unreadable_since(time: str, **status: Any) -> dict[str, Any]:
    condition = {
        "type": "Stalled",
        "status": "True",
        "reason": "UnreadableSpec",
        "message": "",
        "lastTransitionTime": time,
    }
    return {"reason": "UnreadableSpec", "conditions": [condition], **status}


def test_time_with_an_unreadable_spec_does_not_count() -> None:
    # Unreadable from the 10th second on, readable again at the 90th.
    since, again = START + timedelta(seconds=10), START + timedelta(seconds=90)
    job = bounded(status=unreadable_since(since.isoformat(), suspendedSeconds=5))
    status = said(planned(job, now=again))
    assert (status.phase, status.suspended_seconds) == ("RUNNING", 85)
    later = bounded(status={"suspendedSeconds": 85})
    assert said(planned(later, now=AT)).suspended_seconds == 85
    assert said(planned(later, now=START + timedelta(seconds=184))).reason != "TotalTimeout"
    assert said(planned(later, now=START + timedelta(seconds=185))).reason == "TotalTimeout"


def test_a_job_does_not_time_out_when_its_spec_becomes_readable() -> None:
    job = bounded(status=unreadable_since((START + timedelta(seconds=10)).isoformat()))
    assert said(planned(job, now=START + timedelta(hours=9))).reason != "TotalTimeout"


def test_an_unreadable_spec_during_a_suspension_is_not_counted_twice() -> None:
    held = suspended_since((START + timedelta(seconds=10)).isoformat())
    late = unreadable_since((START + timedelta(seconds=50)).isoformat())
    job = bounded(status={**held, "reason": "UnreadableSpec", "conditions": held["conditions"] + late["conditions"]})
    assert said(planned(job, now=START + timedelta(seconds=90))).suspended_seconds == 80
