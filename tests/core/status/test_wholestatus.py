from datetime import timedelta
from typing import Any

import pytest
from given.builders import CREATED, NOW, a_job, a_job_fact, a_pod_fact, a_started_job, planned, said
from given.outcomes import as_fields
from simjob.core.facts.pods import PodState

FAILED: dict[str, Any] = {"state": PodState.FAILED, "exit_code": 1, "reason": "Error"}


def test_every_case_is_counted_once() -> None:
    children: list[Any] = [
        *(a_job_fact(index) for index in range(6)),
        a_pod_fact(0, state=PodState.PENDING),
        a_pod_fact(1, state=PodState.ASSIGNED),
        a_pod_fact(2),
        a_pod_fact(3, terminating=True),
        a_pod_fact(4, state=PodState.SUCCEEDED),
        a_pod_fact(5, **FAILED),
    ]
    outcomes = {"succeeded": "6-7", "cancelled": "8"}
    status = said(planned(a_started_job(cases={"count": 10}, status=as_fields(outcomes)), *children))
    assert status.cases.to_api() == {
        "total": 10,
        "pending": 2,
        "assigned": 1,
        "running": 2,
        "succeeded": 3,
        "failed": 1,
        "cancelled": 1,
    }
    assert status.progress == "4/10"


def test_two_pods_of_a_case_count_as_one_case() -> None:
    job = a_job_fact(0, attempt=1)
    status = said(planned(a_job(), job, a_pod_fact(job=job), a_pod_fact(job=job, attempt=0, state=PodState.ASSIGNED)))
    assert (status.cases.running, status.cases.assigned, status.cases.pending) == (1, 0, 2)


@pytest.mark.parametrize(
    "outcomes", [{"succeeded": "0-1", "failed": "1-2"}, {"succeeded": "0-99"}, {"cancelled": "50-60", "failed": "2"}]
)
def test_contradictory_outcomes_are_corrected(outcomes: dict[str, str]) -> None:
    status = said(planned(a_started_job(cases={"count": 5}, parallelism=0, status=as_fields(outcomes)), a_pod_fact(9)))
    counts = status.cases.to_api()
    assert (counts.pop("total"), sum(counts.values())) == (5, 5)


@pytest.mark.parametrize(
    ("before", "children", "outcomes", "phase"),
    [
        pytest.param(None, [], {}, "PENDING", id="a new job without pods is pending"),
        pytest.param(
            "PENDING",
            [a_pod_fact(0, state=PodState.PENDING)],
            {},
            "PENDING",
            id="a pod without a node leaves it pending",
        ),
        pytest.param(
            "PENDING", [a_pod_fact(0, state=PodState.ASSIGNED)], {}, "ASSIGNED", id="a pod with a node assigns it"
        ),
        pytest.param("ASSIGNED", [a_pod_fact(0)], {}, "RUNNING", id="a running pod makes it run"),
        pytest.param("ASSIGNED", [], {}, "PENDING", id="it is pending again when its pod is gone"),
        pytest.param(
            "PENDING", [a_pod_fact(0, **FAILED)], {}, "RUNNING", id="a pod that already failed means that it ran"
        ),
        pytest.param(
            "PENDING", [], {"failed": "0"}, "PENDING", id="a case that failed without a pod leaves it pending"
        ),
        pytest.param("SUSPENDED", [], {"failed": "0"}, "RUNNING", id="a resumed job with a failed case runs"),
        pytest.param(
            "RUNNING",
            [a_pod_fact(0, state=PodState.PENDING)],
            {},
            "RUNNING",
            id="it stays running while its only pod is pending",
        ),
        pytest.param("SUSPENDED", [], {}, "PENDING", id="a resumed job without outcomes is pending"),
        pytest.param("SUSPENDED", [], {"succeeded": "0"}, "RUNNING", id="a resumed job with a succeeded case runs"),
    ],
)
def test_a_job_that_ran_stays_running_until_it_ends(
    before: str | None, children: Any, outcomes: Any, phase: str
) -> None:
    status = {**as_fields(outcomes), "startTime": CREATED} | ({"phase": before} if before else {})
    jobs = [a_job_fact(pod.index) for pod in children]
    assert said(planned(a_job(status=status), *jobs, *children)).phase == phase


def test_the_newest_twenty_failures_are_kept() -> None:
    old = [{"index": index, "exitCode": 7} for index in range(19)]
    job = a_started_job(cases={"count": 40}, status={"failures": old, "failedIndexes": "0-18"})
    children = [fact for index in (30, 31) for fact in (a_job_fact(index), a_pod_fact(index, **FAILED))]
    failures = said(planned(job, *children)).failures
    assert [failure.index for failure in failures] == [30, 31, *range(18)]
    assert (failures[0].exit_code, failures[0].error_code, failures[0].finished_at) == (1, "CASE_FAILED", NOW)
    assert failures[2].exit_code == 7


def test_a_failure_has_the_cases_name() -> None:
    job = a_job(cases={"list": [{"name": "coarse"}, {"name": "fine"}]})
    (failure,) = said(planned(job, a_job_fact(1, case_name="fine"), a_pod_fact(1, **FAILED))).failures
    assert failure.name == "fine"


@pytest.mark.parametrize(
    ("status", "spec", "truths"),
    [
        pytest.param({}, {}, "Reconciling", id="it is reconciling"),
        pytest.param({}, {"suspend": True}, "Suspended", id="it is suspended"),
        pytest.param({"succeededIndexes": "0-2"}, {}, "Finished Succeeded", id="it succeeded"),
        pytest.param({"failedIndexes": "0-2"}, {}, "Finished Stalled", id="it failed"),
        pytest.param({"cancellation": {"requestedAt": CREATED}}, {}, "Finished Cancelled", id="it was cancelled"),
        pytest.param({}, {"cancel": True}, "Reconciling", id="it is being cancelled"),
    ],
)
def test_conditions_follow_the_phase(status: dict[str, Any], spec: dict[str, Any], truths: str) -> None:
    conditions = said(planned(a_started_job(status=status, **spec))).conditions
    assert {condition.type for condition in conditions if condition.status == "True"} == set(truths.split())
    unknown = [condition.type for condition in conditions if condition.status == "Unknown"]
    assert unknown == ([] if "Finished" in truths else ["Succeeded"])
    assert len(conditions) == 6


def test_a_transition_time_changes_only_with_its_status() -> None:
    first = said(planned(a_job()))
    later = NOW + timedelta(seconds=60)
    job = a_job(status=first.to_api(), metadata={"generation": 2})
    second = said(planned(job, a_job_fact(0), a_pod_fact(0), now=later))
    assert {condition.last_transition_time for condition in second.conditions} == {NOW}
    assert {condition.observed_generation for condition in second.conditions} == {2}
    assert (second.observed_generation, second.start_time) == (2, NOW)


def test_a_job_does_not_start_before_its_creation() -> None:
    job = a_job()
    made = job.metadata.creation_timestamp
    assert made is not None
    assert said(planned(job, now=made - timedelta(seconds=1))).start_time == made
    assert said(planned(job, now=made + timedelta(seconds=1))).start_time == made + timedelta(seconds=1)
