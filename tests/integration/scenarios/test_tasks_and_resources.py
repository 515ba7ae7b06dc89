"""Batch and persistent tasks: phases, cancel reasons, timeouts with their error codes, and retries.

Modelled on the ComputeX service. Also what a case can request: CPU, memory, storage, GPUs by count, model and video
memory, environment, ports, volumes and registry secrets. A fake node carries the labels of GPU feature discovery.
tests/e2e shows on a real kubelet that a case does not exceed its run time.
"""

from collections.abc import Iterator

import pytest
from integration.scenarios.session import Session
from integration.support.client import Client, Object
from integration.support.sweeps import eventually

pytestmark = pytest.mark.integration

JOB = "solver"
NODE = "kwok-5"
GPU = {"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-80GB", "nvidia.com/gpu.memory": "81920"}
PHASES = "jsonpath='{.status.phase}{\"\\n\"}'"


@pytest.fixture
def gpu_node(client: Client) -> Iterator[str]:
    """A node with a GPU whose labels give its model and memory."""
    path = f"/api/v1/nodes/{NODE}"
    client.patch(path, {"metadata": {"labels": GPU}})
    yield NODE
    client.patch(path, {"metadata": {"labels": dict.fromkeys(GPU)}})


def test_tasks_get_their_resources_and_respect_their_timeouts(session: Session, gpu_node: str) -> None:
    a_task_goes_through_its_phases(session)
    a_task_gets_the_resources_it_requests(session, gpu_node)
    the_reason_of_a_cancel_is_kept(session)
    each_timeout_has_its_error_code(session)
    a_failed_task_is_retried(session)
    a_persistent_task_starts_again(session)


def a_task_goes_through_its_phases(session: Session) -> None:
    session.say("PENDING, ASSIGNED, RUNNING, COMPLETED.")
    session.bystander()
    with session.watching(f"kubectl get simjob --watch -o {PHASES}", "COMPLETED") as told:
        session.apply(JOB, fake={"start-seconds": "3600"})
        session.wait(JOB, ".status.phase=ASSIGNED")
        session.wait(JOB, ".status.cases.assigned=2")
        session.let_start(JOB)
        session.wait(JOB, ".status.phase=RUNNING")
        session.end_running(JOB)
        session.wait(JOB, "Finished")
    phases = list(dict.fromkeys(line for line in told if line.isupper()))
    assert phases == ["SUSPENDED", "PENDING", "ASSIGNED", "RUNNING", "COMPLETED"], "after that of the bystander"


def a_task_gets_the_resources_it_requests(session: Session, node: str) -> None:
    session.say("What a task asks for is on its pod: resources, the GPU's model and memory, env, ports, volumes.")
    one = f"-l simjob.dev/name={JOB},simjob.dev/index=0"
    wanted = ".items[0].spec.containers[0]"
    session.run(f"kubectl get pods {one} -o jsonpath='{{{wanted}.resources}}'")
    session.run(f"kubectl get pods {one} -o jsonpath='{{.items[0].spec.affinity.nodeAffinity}}'")
    spec: Object = session.read("pods", one)["items"][0]["spec"]
    container = spec["containers"][0]
    sizes = {"memory": "16Gi", "ephemeral-storage": "20Gi", "nvidia.com/gpu": "1"}
    assert container["resources"] == {"requests": {"cpu": "4", **sizes}, "limits": sizes}
    (term,) = spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    assert [(rule["key"], rule["operator"]) for rule in term["matchExpressions"]] == [
        ("nvidia.com/gpu.product", "In"),
        ("nvidia.com/gpu.memory", "Gt"),
    ]
    assert spec["nodeName"] == node, "the only one with such a GPU"
    assert {"name": "OMP_NUM_THREADS", "value": "4"} in container["env"]
    assert container["ports"] == [{"name": "metrics", "containerPort": 9090, "protocol": "TCP"}]
    assert [mount["mountPath"] for mount in container["volumeMounts"]] == ["/scratch", "/inputs"]
    assert [volume["name"] for volume in spec["volumes"]] == ["scratch", "inputs"]
    assert spec["imagePullSecrets"] == [{"name": "registry"}]


def the_reason_of_a_cancel_is_kept(session: Session) -> None:
    session.say("The reason that is given with a cancel is kept.")
    job = session.apply(JOB, name="cancelled")
    session.wait(job, ".status.phase=RUNNING")
    session.patch(job, cancel=True, cancelReason="budget exceeded")
    session.wait(job, "Finished")
    assert session.show(job, ".status.phase", ".status.cancellation.reason") == "CANCELLED budget exceeded"
    assert {"requestedAt", "requestedBy", "finishedAt"} <= session.status(job)["cancellation"].keys()


def each_timeout_has_its_error_code(session: Session) -> None:
    session.say("A task that gets no node in time, one that does not start in time, one that runs too long.")
    once = {"limit": 0}
    nowhere = {"gpu": {"count": 1, "product": "NVIDIA-H200"}}
    jobs = {
        "ASSIGN_TIMEOUT": session.apply(
            JOB, name="no-node", retries=once, timeouts={"assignSeconds": 2}, resources=nowhere
        ),
        "START_TIMEOUT": session.apply(
            JOB, name="no-start", retries=once, timeouts={"startSeconds": 2}, fake={"start-seconds": "60"}
        ),
        "EXECUTION_TIMEOUT": session.apply(JOB, name="too-long", retries=once, timeouts={"runSeconds": 2}),
    }
    for code, job in jobs.items():
        session.wait(job, "Finished")
        assert session.show(job, ".status.phase", ".status.errorCode") == f"FAILED {code}"
        assert {failure["errorCode"] for failure in session.status(job)["failures"]} == {code}


def a_failed_task_is_retried(session: Session) -> None:
    session.say("A task that fails is tried once more, after ten seconds.")
    job = session.apply(JOB, name="retried", cases={"count": 1}, fake={"run-seconds": "1", "exit-code": "7"})
    session.wait(job, ".status.reason=WaitingToRetry")
    session.wait(job, "Finished")
    pods = session.run(f"kubectl get pods -l simjob.dev/name={job} -o name").split()
    assert sorted(pod.rsplit("-", 1)[1] for pod in pods) == ["0", "1"], "two attempts"
    assert session.show(job, ".status.phase", ".status.failures[0].exitCode") == "FAILED 7"


def a_persistent_task_starts_again(session: Session) -> None:
    session.say("A persistent task starts again whenever it ends, until it is cancelled.")
    job = session.apply(JOB, name="service", cases={"count": 1}, task="Persistent", fake={"run-seconds": "2"})
    selector = f"-l simjob.dev/name={job}"

    def attempts() -> list[str]:
        return [pod["metadata"]["name"] for pod in session.read("pods", selector)["items"]]

    eventually(lambda: any(name.endswith("-2") for name in attempts()), lambda: f"a third attempt; {attempts()}")
    session.run(f"kubectl get pods {selector}")
    assert session.show(job, ".status.isTerminal", ".status.cases.succeeded") == "false 0"
    session.patch(job, cancel=True, cancelReason="no longer needed")
    session.wait(job, "Finished")
    assert session.show(job, ".status.phase", ".status.cases.cancelled") == "CANCELLED 1"
