from datetime import timedelta
from typing import Any

import pytest
from given.builders import NOW, a_job, a_job_fact, a_pod_fact, a_started_job, planned, said
from simjob.core.facts.pods import PodState
from simjob.core.observed.refusedcreation import Refusal

WAITING: dict[str, Any] = {"state": PodState.ASSIGNED, "image": "solver:1"}


def why(*children: Any, refusal: Refusal | None = None, **spec: Any) -> str | None:
    return said(planned(a_job(**spec), *children, refusal=refusal)).reason


@pytest.mark.parametrize(
    ("pod", "reason"),
    [
        pytest.param({"state": PodState.PENDING}, "Accepted", id="a node"),
        pytest.param({"state": PodState.ASSIGNED}, "Starting", id="for its containers"),
        pytest.param({"state": PodState.RUNNING}, "CasesRunning", id="for nothing, it runs"),
        pytest.param(
            {"state": PodState.PENDING, "reason": "Unschedulable", "message": "no GPU"},
            "Unschedulable",
            id="room on a node",
        ),
        pytest.param(WAITING | {"reason": "ErrImagePull"}, "ImagePullFailed", id="an image that could not be pulled"),
        pytest.param(WAITING | {"reason": "ImagePullBackOff"}, "ImagePullFailed", id="an image, after a back-off"),
        pytest.param(
            WAITING | {"reason": "CreateContainerConfigError", "message": "no secret"},
            "ContainerCannotStart",
            id="a Secret that its container needs",
        ),
        pytest.param(
            WAITING | {"reason": "ErrImagePull", "terminating": True},
            "Starting",
            id="for nothing, it is being deleted",
        ),
    ],
)
def test_status_reports_what_a_pod_waits_for(pod: dict[str, Any], reason: str) -> None:
    assert why(a_job_fact(0), a_pod_fact(0, **pod)) == reason


@pytest.mark.parametrize(
    ("children", "spec", "reason"),
    [
        pytest.param([], {}, "Accepted", id="no pod exists yet"),
        pytest.param([], {"parallelism": 0}, "ParallelismIsZero", id="parallelism is zero"),
        pytest.param([a_job_fact(0, suspended=True)], {}, "QueuedByKueue", id="a queue holds the Job"),
        pytest.param(
            [a_job_fact(0, not_before=NOW + timedelta(seconds=9))],
            {},
            "WaitingToRetry",
            id="a retry waits for its time",
        ),
        pytest.param(
            [a_job_fact(0), a_pod_fact(0)],
            {"parallelism": 0},
            "CasesRunning",
            id="a pod runs although parallelism is zero",
        ),
    ],
)
def test_status_reports_why_nothing_runs(children: list[Any], spec: dict[str, Any], reason: str) -> None:
    assert why(*children, **spec) == reason


GATED: dict[str, Any] = {"state": PodState.PENDING, "reason": "SchedulingGated", "message": "example.org/licence"}


def test_a_gated_pod_is_not_unschedulable() -> None:
    status = said(planned(a_job(), a_job_fact(0), a_pod_fact(0, **GATED)))
    assert (status.phase, status.reason) == ("PENDING", "SchedulingGated")
    assert status.message == (
        "case 0 waits until somebody removes the scheduling gates of pod sweep-0b0c4fd2-0-0-0: example.org/licence"
    )


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        pytest.param({}, "CasesRunning", id="another case runs"),
        pytest.param({"state": PodState.ASSIGNED}, "Starting", id="another case starts"),
        pytest.param(
            {"state": PodState.PENDING, "reason": "Unschedulable"}, "Unschedulable", id="another finds no node"
        ),
        pytest.param(GATED | {"terminating": True}, "SchedulingGated", id="another is being deleted"),
    ],
)
def test_a_gated_pod_is_reported_if_nothing_else_is(other: dict[str, Any], reason: str) -> None:
    assert why(a_job_fact(0), a_pod_fact(0, **GATED), a_job_fact(1), a_pod_fact(1, **other)) == reason


def test_a_refusal_takes_precedence_over_other_explanations() -> None:
    refusal = Refusal(index=2, kind="Pod", message="exceeded quota: gpu")
    status = said(planned(a_started_job(), a_job_fact(0), a_pod_fact(0), refusal=refusal))
    assert (status.reason, status.message) == ("PodRefused", "the Pod of case 2 is refused: exceeded quota: gpu")
    assert why(refusal=Refusal(index=2, kind="Job", message="no")) == "JobRefused"


def test_a_refusal_is_followed_by_a_hint() -> None:
    words = "requests: Invalid value: must be less than or equal to cpu limit of 20m"
    message = said(planned(a_job(), refusal=Refusal(index=2, kind="Pod", message=words))).message or ""
    assert message.startswith(f"the Pod of case 2 is refused: {words}; a LimitRange or the template sets a CPU limit")


def unpulled(reason: str, message: str) -> str | None:
    return said(planned(a_job(), a_job_fact(0), a_pod_fact(0, **WAITING, reason=reason, message=message))).message


def test_an_image_pull_error_is_reported_in_a_stable_text() -> None:
    cause = 'failed to pull image "solver:1": not found'
    messages = {
        unpulled("ErrImagePull", cause),
        unpulled("ImagePullBackOff", f'Back-off pulling image "solver:1": ErrImagePull: {cause}'),
    }
    assert messages == {f'case 0 cannot start: its image "solver:1" cannot be pulled: {cause}'}


def test_the_cause_of_an_image_pull_error_comes_from_events_if_the_pod_lacks_it() -> None:
    expected = f'case 0 cannot start: its image "solver:1" cannot be pulled; events of pod {a_pod_fact(0).name} say why'
    assert unpulled("ImagePullBackOff", 'Back-off pulling image "solver:1"') == expected
    assert unpulled("ErrImagePull", "") == expected


def test_a_case_is_named_from_its_tenth_disruption() -> None:
    rarely = a_job_fact(0, disruptions=9, last_disruption="Drain: bye")
    often = a_job_fact(1, disruptions=10, last_disruption="Evicted: low on memory")
    assert why(rarely, a_pod_fact(0)) == "CasesRunning"
    status = said(planned(a_started_job(), rarely, a_pod_fact(0), often, a_pod_fact(1)))
    assert (status.reason, status.message) == (
        "OftenDisrupted",
        "case 1 was disrupted 10 times and may be 100 times; the last time: Evicted: low on memory",
    )
    both = said(planned(a_started_job(), often, a_job_fact(2, disruptions=12, last_disruption="Drain: bye")))
    assert both.message == (
        "case 2 was disrupted 12 times and may be 100 times; the last time: Drain: bye; "
        "other cases that are disrupted often: 1"
    )
