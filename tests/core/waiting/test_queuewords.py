from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from given.builders import NOW, a_job_fact, a_pod_fact, a_started_job, observed, planned, said
from given.kueue import FULL, NO_QUEUE, OVER_TIME, PREEMPTED, TOO_SMALL, a_workload
from simjob.api.simulationjob import SimulationJob
from simjob.api.status import Status
from simjob.core import planner
from simjob.core.facts.apiobjects import Workload
from simjob.core.facts.jobs import JobFact
from simjob.core.facts.pods import PodFact, PodState
from simjob.core.plan import Plan
from simjob.core.waiting import queuewords

LONG_AGO = NOW - timedelta(seconds=60)
OTHER_FULL = ", insufficient unused quota for cpu in flavor big, 2 more needed"
DEACTIVATED = "; set `spec.active` of Workload job-u to true to queue it again, or cancel it"


def held(index: int = 0, *, created: datetime = LONG_AGO, **fact: Any) -> JobFact:
    return a_job_fact(index, suspended=True, queued=True, created=created, **fact)


def told(words: Mapping[str, str], *children: JobFact | PodFact, job: SimulationJob | None = None) -> Status:
    found = replace(observed(*children), words=words)
    return said(planner.plan(job or a_started_job(queueName="gpus", status={"phase": "PENDING"}), found, NOW))


def asked(plan: Plan) -> list[int]:
    return [job.index for job in plan.held]


def workload(raw: dict[str, Any]) -> Workload:
    given = {**raw, "metadata": {"uid": "w", "creationTimestamp": "2026-01-02T03:04:05Z", **raw["metadata"]}}
    return msgspec.convert(given, Workload)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        pytest.param({}, "waits until Kueue considers it", id="a new workload"),
        pytest.param(
            {"QuotaReserved": NO_QUEUE},
            "waits, Inadmissible: LocalQueue gpus doesn't exist; create it, or cancel, and submit again with another "
            "`queueName`",
            id="the queue does not exist",
        ),
        pytest.param({"QuotaReserved": FULL}, f"waits, Pending: {FULL[1]}", id="the quota is used up"),
        pytest.param(
            {"QuotaReserved": TOO_SMALL},
            f"asks for more than the quota can ever give, Pending: {TOO_SMALL[1]}; ask for less `resources`, or for a "
            "larger quota",
            id="the quota is too small",
        ),
        pytest.param(
            {"QuotaReserved": FULL, "Evicted": PREEMPTED},
            f"was evicted, Preempted: {PREEMPTED[1]}; waits, Pending: {FULL[1]}",
            id="it was preempted, and the quota is used up",
        ),
        pytest.param(
            {"QuotaReserved": ("Pending", PREEMPTED[1]), "Evicted": PREEMPTED},
            f"was evicted, Preempted: {PREEMPTED[1]}",
            id="it was preempted a moment ago",
        ),
        pytest.param(
            {"active": False, "Evicted": OVER_TIME}, f"is deactivated: {OVER_TIME[1]}{DEACTIVATED}", id="its time is up"
        ),
        pytest.param({"active": False}, f"is deactivated{DEACTIVATED}", id="it was never active"),
        pytest.param(
            {"QuotaReserved": True, "checks": {"budget": ("Pending", "asked"), "nodes": ("Ready", "")}},
            "has its quota and waits for the admission check budget, Pending: asked",
            id="an admission check",
        ),
        pytest.param(
            {"QuotaReserved": True, "checks": {"budget": ("Pending", "")}},
            "has its quota and waits for the admission check budget, Pending",
            id="an admission check that nobody has looked at",
        ),
        pytest.param(
            {
                "QuotaReserved": (
                    "Pending",
                    f"{TOO_SMALL[1]}{OTHER_FULL}",
                )
            },
            f"waits, Pending: {TOO_SMALL[1]}{OTHER_FULL}",
            id="one flavor is too small, another one is full",
        ),
        pytest.param({"QuotaReserved": True, "Admitted": True}, "", id="it is admitted"),
    ],
)
def test_a_workload_says_why_it_waits(given: dict[str, Any], words: str) -> None:
    assert queuewords.words(workload(a_workload("u", **given))) == words


def test_the_newest_workload_of_a_job_counts() -> None:
    older, newer = workload(a_workload("job-0-0", QuotaReserved=NO_QUEUE)), workload(a_workload("job-0-0"))
    newer.metadata.creation_timestamp = NOW
    for order in ([older, newer], [newer, older]):
        assert queuewords.words_by_job([held()], order) == {"job-0-0": "waits until Kueue considers it"}


def test_a_job_without_a_workload_refers_to_its_events() -> None:
    (words,) = queuewords.words_by_job([held()], []).values()
    assert words == "has no Workload yet; if that lasts, `kubectl describe job sweep-0b0c4fd2-0-0` says why"


def test_status_says_why_the_queue_holds_cases_each_reason_once() -> None:
    children = [held(index) for index in range(3)]
    words = {"job-0-0": "waits, Pending: full", "job-1-0": "waits, Pending: full", "job-2-0": "is deactivated"}
    status = told(words, *children)
    assert status.reason == "QueuedByKueue"
    assert status.message == "Kueue holds the Jobs: case 0 waits, Pending: full; case 2 is deactivated"


@pytest.mark.parametrize("words", [{}, {"job-0-0": ""}, {"another": "waits"}])
def test_without_a_known_reason_status_says_that_the_queue_holds_the_jobs(words: dict[str, str]) -> None:
    assert told(words, held()).message == "Kueue has suspended the Jobs, and has not admitted them yet"


def test_workloads_are_read_of_jobs_that_are_held_for_a_while() -> None:
    assert asked(planned(a_started_job(), held(created=NOW - timedelta(seconds=4)))) == []
    assert asked(planned(a_started_job(), held(created=NOW - timedelta(seconds=5)))) == [0]


def test_workloads_are_read_of_a_limited_number_of_jobs() -> None:
    plan = planned(a_started_job(cases={"count": 30}), *(held(index) for index in range(30)))
    assert asked(plan) == list(range(queuewords.MOST))


@pytest.mark.parametrize(
    "others",
    [
        pytest.param([a_job_fact(1), a_pod_fact(1)], id="a case runs"),
        pytest.param([a_job_fact(1), a_pod_fact(1, state=PodState.PENDING)], id="a case waits for a node"),
        pytest.param([a_job_fact(1), a_pod_fact(1, terminating=True)], id="a case is being stopped"),
    ],
)
def test_no_workloads_are_read_while_a_pod_is_live(others: list[Any]) -> None:
    assert asked(planned(a_started_job(), held(), *others)) == []
