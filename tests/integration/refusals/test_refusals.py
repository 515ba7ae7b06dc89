"""The status quotes what the cluster refuses, and the sweep continues as soon as it may."""

import secrets
from collections.abc import Iterator

import pytest
from integration.conftest import make_place
from integration.support import client as paths
from integration.support.client import Client, Object
from integration.support.operator_process import OperatorProcess
from integration.support.sweeps import Place, Sweep, a_template, environment, eventually
from integration.worlds.dryrun import plain_pod, refusal

pytestmark = pytest.mark.integration


@pytest.fixture
def restricted_place(client: Client, operator: OperatorProcess) -> Iterator[Place]:
    name = f"test-{secrets.token_hex(4)}"
    found = make_place(client, name, operator.tail, **{"pod-security.kubernetes.io/enforce": "restricted"})
    yield found
    try:
        assert not found.violations()
    finally:
        found.leave()


def quota(place: Place, **hard: str) -> str:
    """Limit the namespace; return the quota's path."""
    path = paths.core(place.name, "resourcequotas")
    spec = {"hard": {key.replace("_", "/").replace("DOT", "."): value for key, value in hard.items()}}
    place.client.create(path, {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"}, "spec": spec})
    return f"{path}/q"


def wait_enforced(sweep: Sweep, path: str) -> None:
    sweep.wait_until(lambda: "used" in sweep.client.get(path).get("status", {}), "the quota is counted")


def refused(sweep: Sweep, reason: str) -> Object:
    return sweep.wait(lambda status: status.get("reason") == reason, reason)


def test_a_quota_of_pods_is_reported_and_waited_for(place: Place) -> None:
    sweep = place.apply(cases={"count": 4}, suspend=True)
    path = quota(place, pods="2")
    wait_enforced(sweep, path)
    sweep.patch(suspend=False)
    status = refused(sweep, "PodRefused")
    case = status["message"].split("case ")[1].split(" ")[0]
    name = next(name for name in sweep.job_names if name.rsplit("-", 2)[1] == case)
    assert status["message"] == (
        f'the Pod of case {case} is refused: pods "{name}-0" is forbidden: exceeded quota: q, '
        "requested: pods=1, used: pods=2, limited: pods=2"
    )
    assert status["isFailed"] is False
    sweep.client.patch(path, {"spec": {"hard": {"pods": "10"}}})
    sweep.wait_running(4)
    assert sweep.end_all("COMPLETED")["cases"]["succeeded"] == 4


def test_a_quota_of_jobs_is_reported_and_waited_for(place: Place) -> None:
    sweep = place.apply(cases={"count": 3}, suspend=True)
    path = quota(place, count_jobsDOTbatch="1")
    wait_enforced(sweep, path)
    sweep.patch(suspend=False)
    status = refused(sweep, "JobRefused")
    assert status["message"].startswith("the Job of case ")
    assert status["message"].endswith(
        "is forbidden: exceeded quota: q, requested: count/jobs.batch=1, used: count/jobs.batch=1, "
        "limited: count/jobs.batch=1"
    )
    sweep.client.delete(path)
    sweep.wait_running(3)
    assert sweep.end_all("COMPLETED")["cases"]["succeeded"] == 3


def test_a_refused_sweep_can_be_cancelled(place: Place) -> None:
    sweep = place.apply(suspend=True)
    wait_enforced(sweep, quota(place, pods="1"))
    sweep.patch(suspend=False)
    refused(sweep, "PodRefused")
    sweep.cancel()
    assert sweep.wait_phase("CANCELLED")["cases"]["cancelled"] == 3
    sweep.wait_cleared()


def test_a_limit_range_is_reported(place: Place) -> None:
    limits = {"limits": [{"type": "Container", "max": {"memory": "1Gi"}}]}
    body = {"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "l"}, "spec": limits}
    path = paths.core(place.name, "limitranges")
    place.client.create(path, body)
    large = plain_pod(resources={"limits": {"memory": "2Gi"}})
    eventually(lambda: refusal(place.client, place.name, large) is not None, lambda: "the LimitRange does not apply")
    sweep = place.apply(cases={"count": 1}, resources={"memory": "2Gi"}, template=a_template(run=1))
    status = refused(sweep, "PodRefused")
    assert status["message"] == (
        f'the Pod of case 0 is refused: pods "{sweep.job_names[0]}-0" is forbidden: '
        "maximum memory usage per Container is 1Gi, but limit is 2Gi"
    )
    place.client.delete(f"{path}/l")
    sweep.wait_phase("COMPLETED")


def test_pod_security_is_reported(restricted_place: Place) -> None:
    sweep = restricted_place.apply(cases={"count": 1}, template=a_template(run=1))
    status = refused(sweep, "PodRefused")
    assert status["message"] == (
        f'the Pod of case 0 is refused: pods "{sweep.job_names[0]}-0" is forbidden: violates PodSecurity '
        '"restricted:latest": runAsNonRoot != true (pod or container "simulation" must set '
        "securityContext.runAsNonRoot=true)"
    )
    assert status["phase"] == "PENDING"


def test_a_template_with_run_as_non_root_passes_restricted_pod_security(restricted_place: Place) -> None:
    security = {"runAsNonRoot": True, "runAsUser": 1000}
    sweep = restricted_place.apply(cases={"count": 2}, template=a_template(run=1, securityContext=security))
    sweep.wait_phase("COMPLETED")


def test_a_missing_service_account_is_reported_and_waited_for(place: Place) -> None:
    sweep = place.apply(cases={"count": 1}, template=a_template(run=1, serviceAccountName="solver"))
    status = refused(sweep, "PodRefused")
    assert status["message"] == (
        f'the Pod of case 0 is refused: pods "{sweep.job_names[0]}-0" is forbidden: error looking up service account '
        f'{place.name}/solver: serviceaccount "solver" not found'
    )
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "solver"}}
    place.client.create(paths.core(place.name, "serviceaccounts"), account)
    sweep.wait_phase("COMPLETED")


def test_status_quotes_the_scheduler_about_an_unavailable_gpu(place: Place) -> None:
    gpu = {"count": 1, "product": "NVIDIA-H100-80GB-HBM3"}
    sweep = place.apply(cases={"count": 1}, resources={"gpu": gpu})
    status = sweep.wait(lambda status: status.get("reason") == "Unschedulable", "Unschedulable")
    [scheduled] = sweep.pods[0]["status"]["conditions"]
    assert status["message"] == f"case 0 cannot be scheduled: {scheduled['message']}"
    assert "didn't match Pod's node affinity/selector" in status["message"]
    assert status["phase"] == "PENDING"


@pytest.mark.refusal("spec.template")
def test_a_template_that_is_invalid_for_jobs_fails_the_sweep(place: Place) -> None:
    template = a_template()
    template["spec"]["containers"][0]["volumeMounts"] = [{"name": "nowhere", "mountPath": "/data"}]
    sweep = place.apply(cases={"count": 3}, template=template)
    status = sweep.wait_phase("FAILED")
    assert ("PENDING", "JobRefused") in {(each.get("phase"), each.get("reason")) for each in sweep.statuses()}
    assert (status["errorCode"], status["reason"]) == ("SUBMISSION_FAILED", "JobRefused")
    assert 'spec.template.spec.containers[0].volumeMounts[0].name: Not found: "nowhere"' in status["message"]
    assert (status["cases"]["failed"], status["cases"]["cancelled"]) == (1, 2)
    assert status["failures"][0]["errorCode"] == "SUBMISSION_FAILED"
    assert not sweep.job_names


@pytest.mark.refusal("spec.cases.matrix")
def test_an_unreadable_sweep_fails_and_affects_no_other(place: Place) -> None:
    axis = list(range(400))
    matrix = [{"name": "a", "values": axis}, {"name": "b", "values": axis}]
    sweep = place.apply(cases={"matrix": matrix})
    other = place.apply("other", template=a_template(run=1))
    status = sweep.wait_phase("FAILED")
    assert (status["errorCode"], status["reason"]) == ("INVALID_SPEC", "InvalidSpec")
    assert "must not have more than 100000 combinations, but has 160000" in status["message"]
    assert not sweep.job_names
    other.wait_phase("COMPLETED")


def test_the_longest_name_is_cut_for_jobs_and_pods(place: Place) -> None:
    longest = "a" * 60 + "." + "b" * 60 + "." + "c" * 131
    sweep = place.apply(longest, title="Flügel — 風洞 🛩", project="wing", template=a_template(run=1))
    assert len(sweep.name) == 253
    sweep.wait_phase("COMPLETED")
    assert all(len(name) <= 63 and name.startswith("aaaa") for name in (*sweep.job_names, *sweep.pod_names))
    assert environment(sweep.pods[0])["SIMJOB_NAME"] == longest
