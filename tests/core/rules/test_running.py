from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest
from given.builders import NOW, a_job, a_job_fact, a_pod_fact, a_started_job, planned, said
from simjob.core.children.batchjobstatus import SETTLING, SETTLING_WHILE_STARTING
from simjob.core.facts.jobs import JobFact
from simjob.core.facts.pods import PodFact, PodState
from simjob.core.plan import (
    Action,
    CountAttempt,
    CreateCase,
    DeleteJob,
    DeletePod,
    LimitRun,
    Plan,
    StartAttempt,
    WriteJobStatus,
)
from simjob.core.rules import running

FAILED: dict[str, Any] = {"state": PodState.FAILED, "exit_code": 1, "reason": "Error"}
BOUNDS: dict[str, Any] = {"timeouts": {"assignSeconds": 30, "startSeconds": 60, "runSeconds": 90}}
LATER = NOW + timedelta(seconds=20)


def created(plan: Plan) -> list[int]:
    return [action.index for action in plan.actions if isinstance(action, CreateCase)]


def started(plan: Plan) -> list[int]:
    return [action.job.index for action in plan.actions if isinstance(action, StartAttempt)]


def kinds(actions: Iterable[Action]) -> list[type[Action]]:
    return [type(action) for action in actions]


def live(*indexes: int) -> list[JobFact | PodFact]:
    return [fact for index in indexes for fact in (a_job_fact(index), a_pod_fact(index))]


def waiting(*indexes: int) -> list[JobFact]:
    return [a_job_fact(index, attempt=1, failed=1, not_before=LATER) for index in indexes]


def sweep(total: int = 10, *, status: dict[str, Any] | None = None, **spec: Any) -> Any:
    return a_started_job(cases={"count": total}, status=status, **spec)


@pytest.mark.parametrize(
    ("parallelism", "children", "expected"),
    [
        pytest.param(3, [], [0, 1, 2], id="all start when there is room"),
        pytest.param(3, live(0, 1), [2], id="one place is left"),
        pytest.param(5, live(0, 1), [2, 3, 4], id="all the others start when there is room"),
        pytest.param(1, live(0, 1), [], id="more cases run than parallelism allows"),
        pytest.param(0, live(0), [], id="parallelism was lowered to zero while a case runs"),
        pytest.param(0, [], [], id="parallelism is zero"),
        pytest.param(3, [a_job_fact(0), a_pod_fact(0, terminating=True)], [1, 2], id="a terminating pod uses a place"),
        # A Job that its queue holds keeps its place: the queue may let it go at any time.
        pytest.param(3, [a_job_fact(0, suspended=True)], [1, 2], id="a Job held by a queue uses a place"),
        # The status does not have the outcome yet.
        pytest.param(
            3,
            [a_job_fact(0), a_pod_fact(0, state=PodState.SUCCEEDED)],
            [1, 2, 3],
            id="a case whose pod succeeded uses no place",
        ),
    ],
)
def test_cases_start_in_index_order(parallelism: int, children: Any, expected: list[int]) -> None:
    assert created(planned(sweep(parallelism=parallelism), *children)) == expected


def test_cases_with_a_recorded_outcome_never_start_again() -> None:
    job = sweep(parallelism=4, status={"succeededIndexes": "0,2", "failedIndexes": "1", "cancelledIndexes": "4"})
    assert created(planned(job)) == [3, 5, 6, 7]


def test_retries_start_before_new_cases() -> None:
    plan = planned(sweep(parallelism=2), *live(0), a_job_fact(1, attempt=1, failed=1, not_before=NOW))
    assert (started(plan), created(plan)) == ([1], [])


def test_a_case_in_back_off_frees_its_slot() -> None:
    plan = planned(sweep(parallelism=1), *waiting(0))
    assert (started(plan), created(plan)) == ([], [1])
    assert plan.look_again == LATER


def test_the_number_of_cases_in_back_off_is_bounded() -> None:
    assert created(planned(sweep(parallelism=2), *waiting(0, 1, 2))) == [3]
    assert created(planned(sweep(parallelism=2), *waiting(0, 1, 2, 3))) == []


def test_a_big_sweep_is_created_in_batches() -> None:
    plan = planned(sweep(10_000, parallelism=1000))
    assert created(plan) == list(range(running.BATCH))
    assert plan.look_again == NOW, "the next batch follows at once"


def test_a_failed_attempt_is_counted_after_its_job_status_is_written() -> None:
    job = a_job_fact(0, active=1, ready=1)
    plan = planned(sweep(1, retries={"limit": 1}), job, a_pod_fact(job=job, **FAILED))
    assert kinds(plan.actions) == [WriteJobStatus, CountAttempt], "or it would read as one more lost pod"
    assert started(plan) == [], "the next attempt follows when its number is stored"


def test_a_lost_pod_emits_an_event() -> None:
    plan = planned(sweep(1), a_job_fact(0, active=1))
    (notice,) = plan.notices
    assert (notice.reason, notice.warning) == ("AttemptLost", True)


def test_the_status_of_a_job_shows_a_running_pod_after_a_short_delay() -> None:
    job = sweep(1)
    early = planned(job, *live(0))
    assert (kinds(early.actions), early.look_again) == ([], NOW + SETTLING)
    assert kinds(planned(job, *live(0), now=NOW + SETTLING).actions) == [WriteJobStatus]


@pytest.mark.parametrize("state", [PodState.PENDING, PodState.ASSIGNED])
def test_the_delay_is_longer_while_another_case_starts(state: PodState) -> None:
    facts = (*live(0), a_job_fact(1), a_pod_fact(1, state=state))
    assert kinds(planned(sweep(2), *facts, now=NOW + SETTLING).actions) == []
    assert kinds(planned(sweep(2), *facts, now=NOW + SETTLING_WHILE_STARTING).actions) == [WriteJobStatus]


def test_the_status_of_a_job_with_a_queue_waits_for_nothing() -> None:
    queued = a_job_fact(0, queued=True), a_pod_fact(0)
    assert kinds(planned(sweep(2), *queued).actions) == [WriteJobStatus, CreateCase]
    waiting_for_a_node = a_job_fact(1, queued=True, active=1), a_pod_fact(1, state=PodState.PENDING)
    plan = planned(sweep(2), *queued, *waiting_for_a_node)
    assert kinds(plan.actions) == [WriteJobStatus]
    assert plan.look_again is not None
    assert plan.look_again > NOW


def test_creations_delay_status_writes_of_other_jobs() -> None:
    plan = planned(sweep(2), *live(0), now=NOW + SETTLING)
    assert (kinds(plan.actions), plan.look_again) == ([CreateCase], NOW + SETTLING_WHILE_STARTING)


def test_a_case_being_cancelled_is_stopped_without_a_running_status_on_its_job() -> None:
    job = sweep(2, status={"cancellingIndexes": "0"}, cancelCases="0")
    plan = planned(job, *live(0, 1), now=NOW + SETTLING)
    told = [action.job.index for action in plan.actions if isinstance(action, WriteJobStatus)]
    assert (kinds(plan.actions), told) == ([DeletePod, WriteJobStatus], [1])


def test_job_deletions_keep_up_with_creations() -> None:
    """Cases that end as soon as they start: the backlog of status writes and deletions does not grow."""
    ended, told, gone, left = 0, 0, 0, []
    for _ in range(60):
        jobs = [a_job_fact(i, succeeded=True if i < told else None) for i in range(gone, ended)]
        pods = [a_pod_fact(i, state=PodState.SUCCEEDED) for i in range(gone, ended)]
        status = {"succeededIndexes": f"0-{ended - 1}" if ended else ""}
        job = sweep(20_000, status=status, parallelism=500, history={"succeededCases": 0, "failedCases": 0})
        count = kinds(planned(job, *jobs, *pods).actions).count
        ended, told, gone = ended + count(CreateCase), told + count(WriteJobStatus), gone + count(DeleteJob)
        left.append(ended - gone)
    assert ended > 60 * 50
    assert max(left[30:]) <= max(left[:30])


def test_suspending_a_queued_job_stops_its_pod_and_writes_the_job_status() -> None:
    job = a_job_fact(0, suspended=True)
    assert kinds(planned(sweep(1), job, a_pod_fact(job=job)).actions) == [DeletePod]
    assert kinds(planned(sweep(1), job).actions) == [WriteJobStatus]
    assert kinds(planned(sweep(1), a_job_fact(0, suspended=True, says_suspended=True)).actions) == []
    assert started(planned(sweep(1), a_job_fact(0, says_suspended=True))) == [0]


def test_children_with_fewer_restarts_are_deleted() -> None:
    old, new = a_job_fact(0), a_job_fact(0, restarts=1)
    plan = planned(sweep(1), old, new, a_pod_fact(job=old), a_pod_fact(job=new))
    assert plan.actions == (DeleteJob(job=old), DeletePod(pod=a_pod_fact(job=old)))


def test_a_second_live_pod_of_a_case_is_deleted() -> None:
    job = a_job_fact(0, attempt=1)
    plan = planned(sweep(1), job, a_pod_fact(job=job), a_pod_fact(job=job, attempt=0))
    assert plan.actions == (DeletePod(pod=a_pod_fact(job=job, attempt=0)),)


def test_the_live_pod_of_a_vanished_job_is_deleted_before_the_case_starts_again() -> None:
    plan = planned(sweep(1), a_pod_fact(0))
    assert kinds(plan.actions) == [DeletePod]


class TestRestarts:
    def test_a_vanished_job_raises_the_restarts_and_they_are_stored_first(self) -> None:
        plan = planned(sweep(3, status={"restarts": 4}), *live(1, 2), spent=[0, 1, 2])
        assert (created(plan), said(plan).restarts, plan.look_again) == ([], 5, NOW)
        (notice,) = plan.notices
        assert (notice.reason, notice.note[-1]) == ("JobLost", "0")
        after = planned(sweep(3, status={"restarts": 5}), *live(1, 2), spent=[])
        assert [action for action in after.actions if isinstance(action, CreateCase)] == [
            CreateCase(index=0, restarts=5)
        ]

    def test_a_restarted_operator_raises_the_restarts(self) -> None:
        plan = planned(sweep(3), spent=None)
        assert (created(plan), said(plan).restarts, plan.notices) == ([], 1, ())

    def test_a_restarted_operator_continues_with_existing_jobs(self) -> None:
        plan = planned(sweep(3, parallelism=2), *live(0), a_job_fact(1), spent=None)
        assert (started(plan), said(plan).restarts) == ([1], 0)

    def test_a_new_job_starts_without_a_restart(self) -> None:
        assert created(planned(a_job(), spent=None)) == [0, 1, 2]

    def test_a_resumed_job_raises_the_restarts_without_an_event(self) -> None:
        plan = planned(sweep(3, status={"phase": "SUSPENDED"}), spent=[0, 1])
        assert (created(plan), said(plan).restarts, plan.notices) == ([], 1, ())


class TestTimeouts:
    def test_a_pod_that_times_out_is_counted_before_it_is_deleted(self) -> None:
        job, late = a_job_fact(0), NOW + timedelta(seconds=30)
        pod = a_pod_fact(job=job, state=PodState.PENDING)
        first = planned(sweep(9, parallelism=1, **BOUNDS), job, pod, now=late)
        assert kinds(first.actions) == [WriteJobStatus, CountAttempt]
        assert said(first).cases.pending == 9
        counted = a_job_fact(0, attempt=1, failed=1, status_failed=1, error_code="ASSIGN_TIMEOUT", not_before=LATER)
        second = planned(sweep(9, parallelism=1, retries={"limit": 1}, **BOUNDS), counted, pod, now=late)
        assert second.actions == (DeletePod(pod=pod),), "its place is taken until it is gone"

    def test_the_next_look_is_at_the_next_pod_timeout(self) -> None:
        job = a_job_fact(0)
        pending = a_pod_fact(job=job, state=PodState.PENDING)
        assigned = a_pod_fact(job=job, state=PodState.ASSIGNED, scheduled=NOW - timedelta(seconds=50), created=NOW)
        plan = planned(sweep(1, **BOUNDS), job, pending)
        assert (kinds(plan.actions), plan.look_again) == ([], NOW + timedelta(seconds=30))
        soon = {"timeouts": {"startSeconds": 5}}  # before one asks why the pod does not start
        assert planned(sweep(1, **soon), job, assigned).look_again == NOW + timedelta(seconds=5)

    def test_the_deadline_of_a_running_pod_is_lowered_once(self) -> None:
        job = a_job_fact(0, active=1, ready=1)
        times: dict[str, Any] = {"accepted": NOW, "started": NOW + timedelta(seconds=9)}
        pod = a_pod_fact(job=job, deadline=150, **times)
        assert planned(sweep(1, **BOUNDS), job, pod).actions == (
            LimitRun(pod=pod, seconds=100, otherwise="case 0 may run longer than `runSeconds`"),
        )
        for done in (a_pod_fact(job=job, deadline=100, **times), a_pod_fact(job=job, terminating=True, **times)):
            assert planned(sweep(1, **BOUNDS), job, done).actions == ()


def test_a_persistent_case_keeps_only_its_newest_pods() -> None:
    job = a_job_fact(0, attempt=running.KEPT_ATTEMPTS + 2)
    pods = [a_pod_fact(job=job, attempt=attempt, state=PodState.SUCCEEDED) for attempt in range(job.attempt)]
    plan = planned(a_started_job(cases={"count": 1}, task="Persistent"), job, *pods, a_pod_fact(job=job))
    assert [action for action in plan.actions if isinstance(action, DeletePod)] == [
        DeletePod(pod=pods[0]),
        DeletePod(pod=pods[1]),
    ]


def test_the_tenth_disruption_of_a_case_is_reported_once() -> None:
    drained: dict[str, Any] = {
        "state": PodState.FAILED,
        "exit_code": 143,
        "disrupted": True,
        "disruption": "Drain: bye",
    }

    def notices(disruptions: int) -> list[str]:
        cases = [a_job_fact(index, attempt=disruptions, disruptions=disruptions) for index in (0, 1)]
        pods = [a_pod_fact(job=job, **drained) for job in cases]
        return [notice.note for notice in planned(a_started_job(), *cases, *pods).notices]

    assert notices(8) == notices(10) == []
    assert notices(9) == ["disrupted 10 times, of at most 100: cases 0-1; case 0 the last time: Drain: bye"]
