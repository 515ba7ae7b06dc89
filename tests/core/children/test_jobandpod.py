from typing import Any

import msgspec
from given.builders import UID, a_job, a_job_fact, a_template_dict
from simjob.core.children import jobandpod


def rendered(index: int = 0, restarts: int = 0, **spec: Any) -> dict[str, Any]:
    job = a_job(**spec)
    body = jobandpod.render_job(job, job.spec.template.to_api(as_given=True), job.spec.case(index), restarts)
    decoded: dict[str, Any] = msgspec.json.decode(body)
    return decoded


def test_children_have_our_labels_and_none_of_the_simulationjob() -> None:
    job = a_job(metadata={"labels": {"argocd.argoproj.io/instance": "prod"}}, type="simulate", project="wing")
    assert jobandpod.labels(job, 7, 1) == {
        "simjob.dev/name": "sweep",
        "simjob.dev/uid": UID,
        "simjob.dev/index": "7",
        "simjob.dev/restarts": "1",
        "simjob.dev/round": "1",
        "simjob.dev/type": "simulate",
        "simjob.dev/project": "wing",
        "app.kubernetes.io/name": "simulation",
        "app.kubernetes.io/component": "case",
        "app.kubernetes.io/managed-by": "simjob-operator",
    }


def test_a_job_is_managed_by_us_and_owned_by_its_simulationjob() -> None:
    body = rendered(2, 1, retries={"limit": 4})
    assert body["spec"] | {"template": None} == {
        "managedBy": "simjob.dev/operator",
        "completions": 1,
        "parallelism": 1,
        "backoffLimit": 4,
        "template": None,
    }
    meta = body["metadata"]
    assert (meta["name"], meta["namespace"]) == ("sweep-0b0c4fd2-2-1", "default")
    assert meta["annotations"] == {
        "argocd.argoproj.io/ignore-resource-updates": "true",
        "simjob.dev/case": "2",
        "simjob.dev/uid": UID,
    }
    (owner,) = meta["ownerReferences"]
    assert (owner["kind"], owner["uid"], owner["controller"]) == ("SimulationJob", UID, True)
    assert "finalizers" not in meta


def test_a_pod_is_made_from_the_template_as_the_api_server_has_it() -> None:
    template = {
        "metadata": {"labels": {"batch.kubernetes.io/job-name": "j"}, "annotations": {"queue": "said so"}},
        "spec": a_template_dict(nodeSelector={"flavour": "big"})["spec"],
    }
    job = a_job_fact(3, attempt=2)
    pod = msgspec.json.decode(jobandpod.render_pod(job, msgspec.Raw(msgspec.json.encode(template))))
    assert pod["metadata"]["name"] == f"{job.name}-2"
    assert pod["metadata"]["labels"] == {"batch.kubernetes.io/job-name": "j", "simjob.dev/attempt": "2"}
    assert pod["metadata"]["annotations"] == {"queue": "said so"}
    assert pod["spec"] == template["spec"]
    (owner,) = pod["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"], owner["uid"], owner["controller"]) == ("Job", job.name, job.uid, True)


def kueue_labels(labels: dict[str, str]) -> dict[str, str]:
    return {key.partition("/")[2]: value for key, value in labels.items() if key.startswith("kueue.x-k8s.io/")}


def test_queue_labels_are_set_on_the_job_only() -> None:
    body = rendered(queueName="gpus", queuePriorityClassName="overnight", queueMaxExecTimeSeconds=7200)
    wanted = {"queue-name": "gpus", "priority-class": "overnight", "max-exec-time-seconds": "7200"}
    assert kueue_labels(body["metadata"]["labels"]) == wanted
    assert kueue_labels(body["spec"]["template"]["metadata"]["labels"]) == {}
    assert kueue_labels(rendered(queueName="gpus")["metadata"]["labels"]) == {"queue-name": "gpus"}
    assert kueue_labels(rendered()["metadata"]["labels"]) == {}


def test_template_labels_and_annotations_are_copied_to_the_job_unless_ours() -> None:
    given = {
        "labels": {"team": "aero", "simjob.dev/uid": "forged", "app.kubernetes.io/managed-by": "me"},
        "annotations": {"cost": "42", "simjob.dev/case": "forged"},
    }
    body = rendered(1, template={**a_template_dict(), "metadata": given})
    assert body["metadata"]["labels"] == {"team": "aero", **jobandpod.labels(a_job(), 1, 0)}
    assert body["metadata"]["annotations"] == {
        "cost": "42",
        "argocd.argoproj.io/ignore-resource-updates": "true",
        "simjob.dev/case": "1",
        "simjob.dev/uid": UID,
    }


def test_template_annotations_cannot_imitate_the_operators() -> None:
    given = {"annotations": {"simjob.dev/attempt": "3"}, "labels": {"simjob.dev/type": "other"}}
    metadata = rendered(template={**a_template_dict(), "metadata": given})["metadata"]
    assert "simjob.dev/attempt" not in metadata["annotations"]
    assert "simjob.dev/type" not in metadata["labels"]


def test_kueue_labels_are_set_on_the_job_and_spec_queue_takes_precedence() -> None:
    given = {"labels": {"kueue.x-k8s.io/priority-class": "overnight", "kueue.x-k8s.io/queue-name": "cpus"}}
    template = {**a_template_dict(), "metadata": given}
    wanted = {"kueue.x-k8s.io/priority-class": "overnight", "kueue.x-k8s.io/queue-name": "cpus"}
    assert rendered(template=template)["metadata"]["labels"].items() >= wanted.items()
    found = rendered(template=template, queueName="gpus")["metadata"]["labels"]
    assert found.items() >= (wanted | {"kueue.x-k8s.io/queue-name": "gpus"}).items()
