from datetime import datetime
from typing import Any

import pytest
from given.builders import CREATED, NOW, a_job_fact, a_pod_fact, a_started_job, planned, said
from simjob.api.simulationjob import SimulationJob
from simjob.core.facts.pods import PodState
from simjob.core.plan import CreateCase, DeleteJob, DeletePod, WriteJobStatus
from simjob.core.stopping import keptjobs
from simjob.core.stopping.stop import HEAD_START, LONGEST_START

ENDED = {"completionTime": CREATED, "isTerminal": True, "observedGeneration": 1, "ledger": {"succeeded": "0-2"}}


def a_rerun_of_nothing(spec: dict[str, Any], **others: Any) -> SimulationJob:
    return a_started_job(status={"caseTable": {}}, cases=None, rerunOf={"name": "old", **spec}, **others)


@pytest.mark.parametrize(
    ("ledger", "phase", "code"),
    [
        ({"succeeded": "0-2"}, "COMPLETED", None),
        ({"succeeded": "0,2", "failed": "1"}, "FAILED", "CASES_FAILED"),
        ({"failed": "0-2"}, "FAILED", "CASES_FAILED"),
    ],
)
def test_a_job_ends_according_to_the_outcomes_of_its_cases(
    ledger: dict[str, str], phase: str, code: str | None
) -> None:
    plan = planned(a_started_job(status={"ledger": ledger}))
    status = said(plan)
    assert (status.phase, status.error_code, status.is_terminal, status.completion_time) == (phase, code, True, NOW)
    assert status.is_failed is (phase == "FAILED")
    assert (plan.needs_proof, plan.look_again) == (True, None)


def test_one_write_reports_the_last_outcome_and_the_end() -> None:
    pod = a_pod_fact(2, state=PodState.FAILED, exit_code=137, reason="OOMKilled")
    status = said(planned(a_started_job(status={"ledger": {"succeeded": "0-1"}}), a_job_fact(2), pod))
    assert (status.phase, status.progress, str(status.ledger.failed)) == ("FAILED", "3/3", "2")
    (failure,) = status.failures
    assert (failure.index, failure.name, failure.exit_code, failure.reason) == (2, "2", 137, "OOMKilled")


def test_the_message_of_a_failed_job_names_the_last_case_that_failed_and_why() -> None:
    pod = a_pod_fact(2, state=PodState.FAILED, exit_code=3, reason="Error", message="diverged\nat step 12\n")
    once = said(planned(a_started_job(status={"ledger": {"succeeded": "0-1"}}), a_job_fact(2), pod))
    assert once.message == "1 of 3 cases failed; case 2: Error, exit code 3: diverged at step 12"
    twice = said(planned(a_started_job(status={"ledger": {"succeeded": "0", "failed": "1"}}), a_job_fact(2), pod))
    assert twice.message == (
        "2 of 3 cases failed; the last was case 2: Error, exit code 3: diverged at step 12; `status.failures` has more"
    )
    untold = said(planned(a_started_job(status={"ledger": {"succeeded": "0-1", "failed": "2"}})))
    assert untold.message == "1 of 3 cases failed"


def test_a_message_about_one_case_uses_the_singular() -> None:
    job = a_started_job(cases={"count": 1}, status={"ledger": {"succeeded": "0"}})
    assert said(planned(job)).message == "the only case succeeded"


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({}, 'no case of the SimulationJob "old" has failed or was cancelled'),
        ({"outcomes": ["Failed"]}, 'no case of the SimulationJob "old" has failed'),
    ],
)
def test_an_empty_rerun_names_the_job_that_it_reruns(spec: dict[str, Any], words: str) -> None:
    assert said(planned(a_rerun_of_nothing(spec))).message == f"there is nothing to run: {words}"


def test_an_empty_rerun_mentions_its_subset() -> None:
    words = 'no case of the SimulationJob "old" that `subset` names has failed or was cancelled'
    assert said(planned(a_rerun_of_nothing({}, subset="3"))).message == f"there is nothing to run: {words}"


def test_a_job_does_not_end_while_a_pod_is_live() -> None:
    job = a_started_job(status={"ledger": {"succeeded": "0-2"}})
    plan = planned(job, a_job_fact(0, succeeded=True), a_pod_fact(0))
    assert (said(plan).phase, plan.actions) == ("RUNNING", (DeletePod(pod=a_pod_fact(0)),))


@pytest.mark.parametrize("phase", ["COMPLETED", "FAILED", "CANCELLED"])
@pytest.mark.parametrize("spec", [{}, {"suspend": True}, {"cancel": True}, {"parallelism": 9}])
def test_an_ended_status_changes_only_its_observed_generation(phase: str, spec: dict[str, Any]) -> None:
    job = a_started_job(metadata={"generation": 5}, status=ENDED | {"phase": phase}, **spec)
    plan = planned(job)
    assert said(plan) == job.status.model_copy(update={"observed_generation": 5})
    assert (plan.actions, plan.look_again) == ((), None)


def test_job_deletions_of_an_ended_sweep_wait_up_to_two_minutes_for_stopping_pods_of_others() -> None:
    ended = {"phase": "CANCELLED", "completionTime": NOW.isoformat(), "ledger": {"cancelled": "0-2"}}
    job = a_started_job(status=ENDED | ended)
    children: list[Any] = [a_job_fact(0), a_job_fact(1), a_pod_fact(1)]
    plan = planned(job, *children, last_stop=NOW)
    assert (plan.actions, plan.look_again) == ((DeletePod(pod=a_pod_fact(1)),), NOW + HEAD_START)
    removal = [DeletePod(pod=a_pod_fact(1)), DeleteJob(job=a_job_fact(0))]
    assert list(planned(job, *children).actions) == removal, "no other pod is being stopped"
    assert list(planned(job, *children, now=NOW + HEAD_START, last_stop=NOW).actions) == removal
    late = NOW + LONGEST_START
    assert list(planned(job, *children, now=late, last_stop=late).actions) == removal


@pytest.mark.parametrize("deletion", [NOW, NOW - LONGEST_START])
def test_job_deletions_of_a_deleted_sweep_wait_likewise(deletion: datetime) -> None:
    job = a_started_job(metadata={"deletionTimestamp": deletion.isoformat()})
    plan = planned(job, a_job_fact(0), last_stop=NOW)
    if deletion < NOW:
        assert plan.actions == (DeleteJob(job=a_job_fact(0)),)
    else:
        assert (plan.actions, plan.look_again) == ((), NOW + HEAD_START)


def test_after_the_end_nothing_is_created_and_leftovers_are_deleted() -> None:
    job = a_started_job(status=ENDED | {"phase": "CANCELLED", "ledger": {"succeeded": "0", "cancelled": "1-2"}})
    children: list[Any] = [a_job_fact(0), a_job_fact(1), a_pod_fact(1), a_job_fact(2)]
    plan = planned(job, *children)
    assert [type(action) for action in plan.actions] == [DeletePod, DeleteJob, WriteJobStatus]
    assert plan.look_again, "it is looked at again as long as something is there"


def test_leftover_pods_are_deleted_at_once_and_jobs_in_batches() -> None:
    ended = ENDED | {"phase": "CANCELLED", "ledger": {"cancelled": "0-499"}}
    jobs = [a_job_fact(i) for i in range(500)]
    plan = planned(a_started_job(cases={"count": 500}, status=ended), *jobs, a_pod_fact(499))
    assert plan.actions == (DeletePod(pod=a_pod_fact(499)), *(DeleteJob(job=job) for job in jobs[: keptjobs.AT_ONCE]))


def test_a_deleted_simulationjob_has_all_its_children_deleted() -> None:
    job = a_started_job(metadata={"deletionTimestamp": CREATED}, status={"ledger": {"succeeded": "0"}}, cancel=True)
    plan = planned(job, a_job_fact(0, succeeded=True), a_job_fact(1), a_pod_fact(1), a_job_fact(2, terminating=True))
    assert plan.actions == (DeletePod(pod=a_pod_fact(1)), DeleteJob(job=a_job_fact(0, succeeded=True)))
    assert plan.status is None
    assert not [action for action in planned(job).actions if isinstance(action, CreateCase)]


def test_an_end_with_an_unknown_phase_is_kept() -> None:
    status = ENDED | {"phase": "ARCHIVED"}
    plan = planned(a_started_job(metadata={"generation": 2}, status=status), a_job_fact(0), a_pod_fact(0))
    assert (plan.actions, plan.status) == ((), a_started_job(status=status).status)
