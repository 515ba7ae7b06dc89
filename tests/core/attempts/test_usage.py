from datetime import timedelta
from typing import Any

import pytest
from given.builders import NOW, a_job, a_job_fact, a_pod_fact, a_started_job, a_template_dict, planned, said
from simjob.api.schema import INT64_MAX
from simjob.api.status import ComputeTime
from simjob.core.attempts import podrequests, usage
from simjob.core.facts.jobs import JobFact
from simjob.core.facts.pods import PodFact, PodState
from simjob.core.plan import CountAttempt


def later(seconds: float) -> Any:
    return NOW + timedelta(seconds=seconds)


def an_end(job: JobFact, state: PodState, seconds: int, **fact: Any) -> PodFact:
    return a_pod_fact(job=job, state=state, started=NOW, finished=later(seconds), **fact)


@pytest.mark.parametrize(
    ("pod", "seconds"),
    [
        pytest.param(
            {"state": PodState.SUCCEEDED, "started": NOW, "finished": later(7)}, 7, id="the kubelet reports both times"
        ),
        pytest.param(
            {"state": PodState.FAILED, "started": NOW, "finished": later(-2)}, 0, id="the kubelet's clock was set back"
        ),
        pytest.param({"state": PodState.FAILED}, 0, id="it never ran"),
        pytest.param({"state": PodState.ASSIGNED, "gone_at": later(9)}, 0, id="it was deleted before it ran"),
        pytest.param(
            {"state": PodState.RUNNING, "seen_at": NOW, "gone_at": later(9.4)},
            9,
            id="without an end, it counts from when it was seen to run",
        ),
        pytest.param(
            {"state": PodState.RUNNING, "started": later(-30), "created": later(-20), "gone_at": later(9)},
            29,
            id="without an end, it counts from its start but not from before its creation",
        ),
        pytest.param(
            {"state": PodState.RUNNING, "started": later(30), "created": later(-20), "gone_at": later(9)},
            0,
            id="without an end, a kubelet whose clock is ahead counts nothing",
        ),
        pytest.param(
            {"state": PodState.FAILED, "started": NOW, "seen_at": later(12)},
            12,
            id="on a lost node, it counts until its end was seen",
        ),
    ],
)
def test_a_pods_time_is_measured_by_one_clock(pod: dict[str, Any], seconds: int) -> None:
    assert usage.ran(a_pod_fact(**pod)) == seconds


def test_an_ended_attempt_adds_its_run_time_to_its_job() -> None:
    job = a_job_fact(seconds=100)
    plan = planned(a_started_job(retries={"limit": 1}), job, an_end(job, PodState.FAILED, 5, exit_code=1))
    (count,) = [action for action in plan.actions if isinstance(action, CountAttempt)]
    assert count.seconds == 105


def test_the_outcome_carries_the_run_time_of_all_attempts() -> None:
    good, bad, runs = a_job_fact(0, attempt=2, seconds=100), a_job_fact(1), a_job_fact(2, attempt=1, seconds=7)
    pods = (an_end(good, PodState.SUCCEEDED, 10), an_end(bad, PodState.FAILED, 3, exit_code=1), a_pod_fact(job=runs))
    found = said(planned(a_started_job(), good, bad, runs, *pods)).compute_time
    assert found is not None
    walls = (found.succeeded.wall_seconds, found.failed.wall_seconds, found.cancelled.wall_seconds)
    assert walls == (110, 3, 0), "what runs is not counted yet"


def test_run_time_lost_to_a_cancel_is_counted_when_the_case_is_recorded() -> None:
    latch = {"phase": "CANCELLING", "cancellation": {"requestedAt": "2026-01-02T03:04:50Z"}}
    job, waiting = a_job_fact(0), a_job_fact(1, attempt=1, seconds=40)
    pod = an_end(job, PodState.FAILED, 20, exit_code=143, terminating=True, gone=True)
    first = said(planned(a_started_job(status=latch), job, pod, waiting))
    assert first.compute_time is not None
    assert first.compute_time.cancelled.wall_seconds == 60
    again = said(planned(a_started_job(status=latch | first.to_api()), job, pod, waiting))
    assert again.compute_time == first.compute_time, "once"


def test_no_usage_is_reported_before_a_case_ends() -> None:
    assert said(planned(a_started_job(), a_job_fact(0), a_pod_fact(0))).compute_time is None


def test_cpu_and_gpu_seconds_are_rounded_on_the_sum() -> None:
    stored = {"computeTime": {"succeeded": {"wallSeconds": 3, "cpuSeconds": 2, "gpuSeconds": 6}}}
    resources = {"cpu": "500m", "gpu": {"count": 2, "resourceName": "nvidia.com/mig-1g.5gb"}}
    job = a_job_fact(0)
    found = said(
        planned(a_started_job(status=stored, resources=resources), job, an_end(job, PodState.SUCCEEDED, 2))
    ).compute_time
    assert found is not None
    expected = ComputeTime.model_validate({"succeeded": {"wallSeconds": 5, "cpuSeconds": 2, "gpuSeconds": 10}})
    assert found == expected, "3 x 0.5 and 2 x 0.5, each rounded, would be 3"


def test_a_run_time_beyond_the_status_limit_is_capped() -> None:
    resources = {"cpu": "1E"}
    job = a_job_fact(0, seconds=999_999_999)
    found = said(planned(a_started_job(resources=resources), job, an_end(job, PodState.SUCCEEDED, 2))).compute_time
    assert found is not None
    assert (found.succeeded.wall_seconds, found.succeeded.cpu_seconds) == (1_000_000_001, INT64_MAX)


def container(name: str, **resources: Any) -> dict[str, Any]:
    return {"name": name, "image": "i", "resources": resources}


@pytest.mark.parametrize(
    ("resources", "containers", "cpus"),
    [
        pytest.param(None, [container("a")], 0, id="no requests count nothing"),
        pytest.param(
            {"cpu": 2},
            [container("a", requests={"cpu": "8"})],
            2,
            id="the requests of the job replace those of its container",
        ),
        pytest.param(
            None,
            [container("a", requests={"cpu": "1500m"}), container("b", requests={"cpu": "250m"})],
            1.75,
            id="the requests of several containers add up",
        ),
        pytest.param(
            None, [container("a", limits={"cpu": "3"})], 3, id="a limit without a request counts as the request"
        ),
        pytest.param(
            None, [container("a", limits={"cpu": "3"}, requests={"cpu": "1"})], 1, id="a request counts before a limit"
        ),
        pytest.param({"memory": "1Gi"}, [container("a")], 0, id="memory alone counts no CPU"),
    ],
)
def test_usage_counts_the_requests_of_rendered_containers_and_sidecars(
    resources: Any, containers: list[dict[str, Any]], cpus: float
) -> None:
    given = {} if resources is None else {"resources": resources}
    init = [{"name": "prepare", "image": "i", "resources": {"requests": {"cpu": "64"}}}]
    job = a_job(template=a_template_dict(containers=containers, initContainers=init), **given)
    assert float(podrequests.requests(job, "cpu")) == cpus
    sidecar = {**container("tunnel", requests={"cpu": "100m"}), "restartPolicy": "Always"}
    beside = a_job(template=a_template_dict(containers=containers, initContainers=[*init, sidecar]), **given)
    assert float(podrequests.requests(beside, "cpu")) == pytest.approx(cpus + 0.1)
