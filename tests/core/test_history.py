from datetime import timedelta
from typing import Any

from builders import NOW, a_job_fact, a_pod_fact, a_started_job, planned
from simjob.core.facts import JobFact, PodFact, PodState
from simjob.core.plan import DeleteJob, DeletePod, WriteJobStatus


def finished(index: int, *, succeeded: bool = True) -> JobFact:
    return a_job_fact(index, succeeded=succeeded, finished_at=NOW + timedelta(seconds=index))


def sweep(ledger: dict[str, str], **history: int) -> Any:
    return a_started_job(cases={"count": 9}, parallelism=0, status={"ledger": ledger}, history=history)


def deleted(job: Any, *children: JobFact | PodFact) -> list[int]:
    return [action.job.index for action in planned(job, *children).actions if isinstance(action, DeleteJob)]


def test_the_newest_finished_jobs_are_kept_by_outcome() -> None:
    job = sweep({"succeeded": "0-2", "failed": "3-5"}, succeededCases=1, failedCases=2)
    children = [finished(index, succeeded=index < 3) for index in range(6)]
    assert deleted(job, *children) == [1, 0, 3]


def test_all_go_where_none_are_to_be_kept() -> None:
    assert deleted(sweep({"succeeded": "0-1"}, succeededCases=0), finished(0), finished(1)) == [1, 0]


def test_a_job_whose_outcome_is_not_stored_stays() -> None:
    ended = a_job_fact(1)
    children: list[Any] = [finished(0), ended, a_pod_fact(job=ended, state=PodState.SUCCEEDED)]
    assert deleted(sweep({}, succeededCases=0), *children) == []


def test_a_job_goes_only_when_its_status_says_how_it_ended() -> None:
    job = sweep({"succeeded": "0", "failed": "1"}, succeededCases=0, failedCases=0)
    plan = planned(job, a_job_fact(0), a_job_fact(1))
    assert [type(action) for action in plan.actions] == [WriteJobStatus, WriteJobStatus]


def test_the_jobs_of_cancelled_cases_go() -> None:
    assert deleted(sweep({"cancelled": "0-1"}), a_job_fact(0), a_job_fact(1)) == [0, 1]


def test_older_rounds_of_a_recorded_case_go() -> None:
    job = sweep({"succeeded": "0"})
    plan = planned(job, a_job_fact(0), a_job_fact(0, round=1, succeeded=True))
    assert plan.actions == (DeleteJob(job=a_job_fact(0)),)


def test_nothing_of_a_recorded_case_may_live_and_its_job_waits_for_that() -> None:
    for outcome in ("succeeded", "failed", "cancelled"):
        job = sweep({outcome: "0"}, succeededCases=0, failedCases=0)
        child = a_job_fact(0, succeeded=True)
        assert planned(job, child, a_pod_fact(job=child)).actions == (DeletePod(pod=a_pod_fact(job=child)),)


def test_a_job_that_goes_already_is_left_alone() -> None:
    job = sweep({"succeeded": "0", "cancelled": "1"}, succeededCases=0)
    gone = [a_job_fact(0, succeeded=True, terminating=True), a_job_fact(1, terminating=True)]
    assert planned(job, *gone).actions == ()


def test_children_of_cases_that_the_job_does_not_have_go() -> None:
    stray = a_job_fact(99)
    assert planned(sweep({}), stray).actions == (DeleteJob(job=stray),)
