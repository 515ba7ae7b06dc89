"""A pod that only an injected container keeps alive: when the operator ends it, and the outcome of its case."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from given.builders import NOW, a_job, a_job_fact, a_pod_fact, a_started_job, observed, planned
from simjob.core.attempts import injectedcontainers, judgement
from simjob.core.attempts.judgement import Ended, Live, Outcome, Over, Verdict
from simjob.core.facts import podversions
from simjob.core.facts.jobs import JobFact
from simjob.core.facts.pods import PodFact, PodState
from simjob.core.plan import CountAttempt, CreateCase, DeletePod, LimitRun

LONG_AGO = NOW - timedelta(minutes=1)
END = NOW - timedelta(seconds=70)


def held(job: JobFact, **fact: Any) -> PodFact:
    """Make a pod that an injected container has kept running since its simulation succeeded, after 40 s."""
    times = {"accepted": END - timedelta(seconds=50), "started": END - timedelta(seconds=40), "finished": END}
    over: dict[str, Any] = {"over_at": NOW, "last_end": END, "held": True, "exit_code": 0, "result": "{}"}
    return a_pod_fact(job=job, **over | times | fact)


def stuck(job: JobFact, **fact: Any) -> PodFact:
    """Make one whose deadline the API server has refused to lower."""
    return held(job, **{"over_at": LONG_AGO} | fact)


def judge(*children: JobFact | PodFact, **spec: Any) -> Verdict:
    (case,) = observed(*children).cases
    return judgement.judge(case, a_job(**spec).spec, NOW)


@pytest.mark.parametrize(
    ("pod", "seconds"),
    [
        pytest.param({}, 60, id="held"),
        pytest.param({"deadline": 61}, 60, id="a later deadline is lowered"),
        pytest.param({"deadline": 60}, None, id="already lowered"),
        pytest.param({"held": False}, None, id="not held"),
        pytest.param({"over_at": None}, None, id="its own containers run"),
        pytest.param({"last_end": None}, None, id="no end time"),
        pytest.param({"accepted": None}, None, id="not accepted"),
        pytest.param({"accepted": NOW}, 10, id="accepted after its own end"),
    ],
)
def test_a_pod_held_by_an_injected_container_gets_a_deadline_by_its_kubelets_clock(
    pod: dict[str, Any], seconds: int | None
) -> None:
    assert injectedcontainers.deadline(held(a_job_fact(), **pod)) == seconds


def test_the_deadline_is_lowered_at_once_and_the_case_waits_for_the_pods_end() -> None:
    job = a_job_fact(active=1, ready=1)
    pod = held(job)
    plan = planned(a_started_job(cases={"count": 2}, parallelism=1), job, pod)
    otherwise = "it is deleted, with its logs, when the end of case 0 is recorded"
    assert plan.actions == (LimitRun(pod=pod, seconds=60, otherwise=otherwise),)
    assert plan.look_again == NOW + timedelta(seconds=20)
    assert plan.status is not None
    assert (plan.status.cases.running, plan.status.cases.succeeded) == (1, 0)
    assert isinstance(judge(job, replace(pod, deadline=60)), Live)


@pytest.mark.parametrize(
    ("pod", "is_stuck"),
    [
        pytest.param({}, True, id="no deadline"),
        pytest.param({"deadline": 600}, True, id="a deadline that is too late"),
        pytest.param({"last_end": None}, True, id="no end time"),
        pytest.param({"over_at": NOW - timedelta(seconds=19)}, False, id="ended a short time ago"),
        pytest.param({"deadline": 60}, False, id="a deadline that will end it"),
        pytest.param({"held": False}, False, id="the kubelet is ending native sidecars"),
    ],
)
def test_a_pod_that_no_deadline_will_end_is_stuck(pod: dict[str, Any], is_stuck: bool) -> None:
    assert injectedcontainers.is_stuck(stuck(a_job_fact(), **pod), NOW) is is_stuck


def test_a_stuck_pod_is_deleted_only_when_its_outcome_is_stored() -> None:
    job = a_job_fact(active=1, ready=1)
    pod = stuck(job)
    plan = planned(a_started_job(cases={"count": 1}), job, pod)
    assert plan.status is not None
    assert (str(plan.status.outcomes.succeeded), [end.result for end in plan.ends]) == ("0", ["{}"])
    assert not any(isinstance(action, DeletePod) for action in plan.actions)
    assert plan.status.phase == "RUNNING"
    assert plan.status.message == "all cases have ended; their last pods are being stopped"
    stored = a_started_job(cases={"count": 1}, status={"succeededIndexes": "0"})
    assert DeletePod(pod=pod) in planned(stored, job, pod).actions


def test_a_stuck_pod_that_failed_is_counted_then_deleted_and_the_next_attempt_waits_for_its_end() -> None:
    sweep = a_started_job(cases={"count": 2}, parallelism=1, retries={"limit": 1})
    job = a_job_fact(active=1, ready=1)
    failed = stuck(job, exit_code=3, reason="Error")
    (count,) = (action for action in planned(sweep, job, failed).actions if isinstance(action, CountAttempt))
    assert (count.attempt, count.failed, count.seconds) == (1, 1, 40)
    counted = replace(job, attempt=1, failed=1, active=0, ready=0)
    plan = planned(sweep, counted, failed)
    assert DeletePod(pod=failed) in plan.actions
    assert isinstance(judge(counted, failed, retries={"limit": 1}), Live)
    assert not any(isinstance(action, CreateCase) for action in plan.actions)


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        pytest.param({"state": PodState.SUCCEEDED, "exit_code": 0}, Outcome.SUCCEEDED, id="the pod succeeds"),
        pytest.param(
            {"state": PodState.FAILED, "exit_code": 143}, Outcome.SUCCEEDED, id="the injected container is killed"
        ),
        pytest.param(
            {"state": PodState.FAILED, "reason": "NodeLost", "exit_code": None, "disrupted": True},
            Outcome.SUCCEEDED,
            id="the node is lost",
        ),
        pytest.param(
            {"terminating": True, "grace": 30, "gone": True},
            Outcome.SUCCEEDED,
            id="the pod vanishes while it terminates",
        ),
        # The kubelet ends some containers of the pod before others.
        pytest.param(
            {"state": PodState.FAILED, "reason": "Evicted", "disrupted": True, "by_kubelet": True},
            None,
            id="the kubelet evicts the pod",
        ),
    ],
)
def test_an_observed_outcome_is_kept_however_the_pod_ends(end: dict[str, Any], expected: Outcome | None) -> None:
    job = a_job_fact(active=1)
    before = held(job)
    times = {"last_end": END, "started": before.started, "finished": END}
    after = podversions.successor(before, a_pod_fact(job=job, **times | end))
    verdict = judge(job, after)
    assert (verdict.outcome if isinstance(verdict, Ended) else None) is expected
    assert isinstance(verdict, Ended | Over)


def test_a_pod_stopped_before_its_containers_ended_stays_stopped() -> None:
    job = a_job_fact(active=1)
    stopped = a_pod_fact(job=job, terminating=True, grace=30)
    ended = a_pod_fact(job=job, state=PodState.SUCCEEDED, exit_code=0, gone=True)
    assert isinstance(judge(job, podversions.successor(stopped, ended)), Over)


def test_only_the_simulations_exit_code_can_be_final() -> None:
    job = a_job_fact()
    retries = {"limit": 1, "nonRetryableExitCodes": [2]}
    failed: dict[str, Any] = {"state": PodState.FAILED, "exit_code": 2, "reason": "Error"}
    assert isinstance(judge(job, a_pod_fact(job=job, **failed), retries=retries), Ended)
    assert isinstance(judge(job, a_pod_fact(job=job, container="exporter", **failed), retries=retries), Over)


def test_a_failure_names_any_container_other_than_the_simulation() -> None:
    job = a_job_fact()
    failed: dict[str, Any] = {"state": PodState.FAILED, "exit_code": 2, "reason": "Error"}
    for container in ("", "exporter"):
        status = planned(
            a_started_job(cases={"count": 1}), job, a_pod_fact(job=job, container=container, **failed)
        ).status
        assert status is not None
        assert status.failures[0].container == (container or None)


def test_a_cancel_keeps_the_outcome_of_a_held_pod_and_waits_for_its_end() -> None:
    job = a_job_fact(active=1)
    sweep = a_started_job(
        cases={"count": 1},
        cancel=True,
        status={"phase": "CANCELLING", "cancellation": {"requestedAt": "2026-01-02T03:04:05Z"}},
    )
    pod = held(job)
    plan = planned(sweep, job, pod)
    assert plan.actions == (DeletePod(pod=pod),)
    assert plan.status is not None
    assert plan.status.phase == "CANCELLING"
    gone = replace(pod, terminating=True, gone=True)
    status = planned(sweep, job, gone).status
    assert status is not None
    assert (status.phase, str(status.outcomes.succeeded), str(status.outcomes.cancelled)) == ("CANCELLED", "0", "")
