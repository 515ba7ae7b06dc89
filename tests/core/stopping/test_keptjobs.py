from datetime import timedelta
from typing import Any

from given.builders import NOW, a_job_fact, a_pod_fact, a_started_job, planned, said
from given.outcomes import as_fields
from simjob.core.facts.jobs import JobFact
from simjob.core.facts.pods import PodFact, PodState
from simjob.core.observed.refusedcreation import Refusal
from simjob.core.plan import DeleteJob, DeletePod, WriteJobStatus


def finished(index: int, *, succeeded: bool = True) -> JobFact:
    return a_job_fact(index, succeeded=succeeded, finished_at=NOW + timedelta(seconds=index))


def sweep(outcomes: dict[str, str], **history: int) -> Any:
    return a_started_job(cases={"count": 9}, parallelism=0, status=as_fields(outcomes), history=history)


def deleted(job: Any, *children: JobFact | PodFact) -> list[int]:
    return [action.job.index for action in planned(job, *children).actions if isinstance(action, DeleteJob)]


def test_the_newest_finished_jobs_are_kept_by_outcome() -> None:
    job = sweep({"succeeded": "0-2", "failed": "3-5"}, succeededCases=1, failedCases=2)
    children = [finished(index, succeeded=index < 3) for index in range(6)]
    assert deleted(job, *children) == [1, 0, 3]


def test_history_limits_of_zero_delete_all() -> None:
    assert deleted(sweep({"succeeded": "0-1"}, succeededCases=0), finished(0), finished(1)) == [1, 0]


def test_a_job_without_a_recorded_outcome_is_kept() -> None:
    ended = a_job_fact(1)
    children: list[Any] = [finished(0), ended, a_pod_fact(job=ended, state=PodState.SUCCEEDED)]
    assert deleted(sweep({}, succeededCases=0), *children) == []


def test_a_job_is_deleted_only_after_its_final_status() -> None:
    job = sweep({"succeeded": "0", "failed": "1"}, succeededCases=0, failedCases=0)
    plan = planned(job, a_job_fact(0), a_job_fact(1))
    assert [type(action) for action in plan.actions] == [WriteJobStatus, WriteJobStatus]


def test_jobs_of_cancelled_cases_are_deleted() -> None:
    assert deleted(sweep({"cancelled": "0-1"}), a_job_fact(0), a_job_fact(1)) == [0, 1]


def test_jobs_of_a_recorded_case_with_fewer_restarts_are_deleted() -> None:
    job = sweep({"succeeded": "0"})
    plan = planned(job, a_job_fact(0), a_job_fact(0, restarts=1, succeeded=True))
    assert plan.actions == (DeleteJob(job=a_job_fact(0)),)


def test_live_pods_of_a_recorded_case_are_deleted_before_its_job() -> None:
    for outcome in ("succeeded", "failed", "cancelled"):
        job = sweep({outcome: "0"}, succeededCases=0, failedCases=0)
        child = a_job_fact(0, succeeded=True)
        assert planned(job, child, a_pod_fact(job=child)).actions == (DeletePod(pod=a_pod_fact(job=child)),)


def test_a_job_that_is_being_deleted_is_left_alone() -> None:
    job = sweep({"succeeded": "0", "cancelled": "1"}, succeededCases=0)
    gone = [a_job_fact(0, succeeded=True, terminating=True), a_job_fact(1, terminating=True)]
    assert planned(job, *gone).actions == ()


def test_children_of_unknown_cases_are_deleted() -> None:
    stray = a_job_fact(99)
    assert planned(sweep({}), stray).actions == (DeleteJob(job=stray),)


class TestAQuotaOfObjects:
    """Kept Jobs go where a quota counts them and refuses what is to start."""

    def job(self, **spec: Any) -> Any:
        return a_started_job(cases={"count": 9}, status={"succeededIndexes": "0-2", "failedIndexes": "3"}, **spec)

    def children(self) -> list[JobFact]:
        return [finished(index, succeeded=index < 3) for index in range(4)]

    def refusal(self, **more: Any) -> Refusal:
        return Refusal(**{"index": 4, "kind": "Job", "message": "exceeded quota: q", "counts_objects": True, **more})

    def gone(self, refusal: Refusal, **spec: Any) -> list[int]:
        actions = planned(self.job(**spec), *self.children(), refusal=refusal).actions
        return [action.job.index for action in actions if isinstance(action, DeleteJob)]

    def test_a_quota_deletes_as_many_of_the_oldest_jobs_as_cases_wait(self) -> None:
        assert self.gone(self.refusal(), parallelism=2) == [0, 1]
        assert self.gone(self.refusal(), parallelism=9) == [0, 1, 2, 3]

    def test_other_refusals_delete_no_job(self) -> None:
        assert self.gone(self.refusal(counts_objects=False), parallelism=2) == []

    def test_no_more_jobs_are_deleted_before_the_quota_is_recounted(self) -> None:
        assert self.gone(self.refusal(room_made_at=NOW - timedelta(seconds=4)), parallelism=2) == []
        assert self.gone(self.refusal(room_made_at=NOW - timedelta(seconds=5)), parallelism=2) == [0, 1]

    def test_deletions_stop_after_others_took_the_room_three_times(self) -> None:
        in_vain = {"room_made_at": NOW - timedelta(minutes=1)}
        assert self.gone(self.refusal(**in_vain, rooms_made=2), parallelism=2) == [0, 1]
        assert self.gone(self.refusal(**in_vain, rooms_made=3), parallelism=2) == []
        plan = planned(self.job(), *self.children(), refusal=self.refusal(**in_vain, rooms_made=3))
        assert (said(plan).message or "").endswith(
            "finished Jobs were deleted 3 times to make room, and others took it"
        )

    def test_jobs_deleted_anyway_count_as_room(self) -> None:
        history = {"succeededCases": 1, "failedCases": 1}
        assert self.gone(self.refusal(), parallelism=2, history=history) == [1, 0]

    def test_no_job_is_deleted_when_no_case_waits(self) -> None:
        assert self.gone(self.refusal(), parallelism=0) == []

    def test_status_mentions_deletions_only_if_a_job_can_be_deleted(self) -> None:
        plan = planned(self.job(), *self.children(), refusal=self.refusal())
        assert (said(plan).message or "").endswith("q; finished Jobs kept by `history` are deleted to make room")
        assert (said(planned(self.job(), refusal=self.refusal())).message or "").endswith("exceeded quota: q")

    def test_earlier_pods_of_a_retry_are_deleted_once_no_finished_job_is_left(self) -> None:
        tried = a_job_fact(5, attempt=2)
        pods = [a_pod_fact(job=tried, attempt=attempt, state=PodState.FAILED) for attempt in range(2)]
        job = a_started_job(cases={"count": 9}, parallelism=1)
        for kind, expected in (("Pod", [pods[0]]), ("Job", [])):
            actions = planned(job, tried, *pods, refusal=self.refusal(kind=kind)).actions
            assert [action.pod for action in actions if isinstance(action, DeletePod)] == expected
