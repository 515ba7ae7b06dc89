from datetime import datetime, timedelta
from typing import Any

import pytest
from given.builders import NOW, a_job_fact, a_pod_fact, a_started_job, planned, said
from simjob.api.simulationjob import SimulationJob
from simjob.api.status import Status
from simjob.core.facts.jobs import JobFact
from simjob.core.facts.pods import PodFact, PodState
from simjob.core.observed.refusedcreation import Refusal
from simjob.core.waiting import queuewords

LONG_AGO = NOW - timedelta(seconds=60)


def held(index: int = 0, *, created: datetime = LONG_AGO, **fact: Any) -> JobFact:
    return a_job_fact(index, suspended=True, queued=True, created=created, **fact)


def queued_for(seconds: int, phase: str = "RUNNING", **status: Any) -> SimulationJob:
    since = NOW - timedelta(seconds=seconds)
    condition = {
        "type": "Queued",
        "status": "True",
        "reason": "QueuedByKueue",
        "message": "",
        "lastTransitionTime": since.isoformat(),
    }
    stored = {"phase": phase, "reason": "QueuedByKueue", "conditions": [condition], **status}
    return a_started_job(queueName="gpus", status=stored)


def truth(status: Status) -> str | None:
    return next((found.status for found in status.conditions if found.type == "Queued"), None)


@pytest.mark.parametrize(
    ("seconds", "phase"),
    [pytest.param(9, "RUNNING", id="a moment"), pytest.param(10, "PENDING", id="some time")],
)
def test_a_held_sweep_is_pending_after_some_time(seconds: int, phase: str) -> None:
    plan = planned(queued_for(seconds, succeededIndexes="2"), held(), held(1))
    assert (said(plan).phase, said(plan).reason, truth(said(plan))) == (phase, "QueuedByKueue", "True")


def test_a_condition_that_an_older_operator_left_is_ignored() -> None:
    left = queued_for(3600, reason="CasesRunning")
    assert said(planned(left, held())).phase == "RUNNING"
    assert said(planned(left, a_job_fact(0), a_pod_fact(0))).suspended_seconds is None


def test_a_hold_that_begins_after_an_older_operator_left_the_condition_counts_from_now() -> None:
    status = said(planned(queued_for(3600, reason="CasesRunning"), held()))
    (condition,) = (found for found in status.conditions if found.type == "Queued")
    assert (condition.status, condition.last_transition_time, status.suspended_seconds) == ("True", NOW, None)


def test_a_sweep_with_a_refused_creation_is_not_queued() -> None:
    refusal = Refusal(index=1, kind="Job", message="no", counts_objects=True)
    status = said(planned(queued_for(60, "RUNNING"), held(), refusal=refusal))
    assert (status.phase, truth(status)) == ("RUNNING", "False")


def test_the_next_look_is_when_the_sweep_becomes_pending_or_workloads_are_due() -> None:
    assert planned(queued_for(4), held()).look_again == NOW + timedelta(seconds=6)
    assert planned(queued_for(60), held()).look_again == NOW + queuewords.BETWEEN_READS
    assert planned(queued_for(60), held(created=NOW)).look_again == NOW + queuewords.PATIENCE


@pytest.mark.parametrize(
    "child",
    [
        pytest.param(a_pod_fact(0), id="a pod runs"),
        pytest.param(a_pod_fact(0, state=PodState.PENDING), id="a pod was created"),
        pytest.param(a_job_fact(0), id="the queue has admitted a Job"),
    ],
)
def test_a_sweep_that_goes_on_is_no_longer_queued(child: JobFact | PodFact) -> None:
    job = [] if isinstance(child, JobFact) else [a_job_fact(0)]
    status = said(planned(queued_for(60, "PENDING", succeededIndexes="2"), *job, child, held(1)))
    assert (status.phase, truth(status)) == ("RUNNING", "False")


def test_a_sweep_that_waits_for_a_retry_is_not_queued() -> None:
    retry = a_job_fact(0, attempt=1, not_before=NOW + timedelta(seconds=20))
    assert truth(said(planned(a_started_job(), retry, held(1)))) is None


def test_jobs_without_a_queue_have_no_condition_about_one() -> None:
    assert truth(said(planned(a_started_job(), a_job_fact(0), a_pod_fact(0)))) is None


@pytest.mark.parametrize("change", [{"suspend": True}, {"cancel": True}])
def test_a_sweep_that_is_stopped_is_no_longer_queued(change: dict[str, Any]) -> None:
    before = queued_for(60)
    job = before.model_copy(update={"spec": before.spec.model_copy(update=change)})
    status = said(planned(job, held()))
    assert truth(status) == "False"
    assert (status.suspended_seconds or 0) == 60


def test_a_job_that_is_being_deleted_is_not_held() -> None:
    plan = planned(a_started_job(cases={"count": 1}), held(terminating=True))
    assert (plan.held, truth(said(plan))) == ((), None)
