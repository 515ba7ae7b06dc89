"""The Job and the pod of a case as JSON, with computed names and labels.

The name is made of the job, the case, the restarts and the attempt. So no name is used twice, and "already exists" with
the same owner means that the creation succeeded earlier. For the pod template see core/children/podtemplate.py.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from simjob.api import earlierstatus, names
from simjob.api.simulationjob import SimulationJob
from simjob.api.spec import Spec
from simjob.api.sweep.cases import Case
from simjob.core.children import childmetadata, podtemplate
from simjob.core.facts import childnames
from simjob.core.facts.jobs import JobFact


class _TemplateMeta(msgspec.Struct):
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class _Template(msgspec.Struct):
    spec: msgspec.Raw
    metadata: _TemplateMeta = msgspec.field(default_factory=_TemplateMeta)


def labels(job: SimulationJob, index: int, restarts: int) -> dict[str, str]:
    """Return the operator's labels for a case's Job and pod. Labels of the SimulationJob are not copied."""
    found = {
        **childmetadata.labels(job, "case"),
        names.LABEL_INDEX: str(index),
        names.LABEL_RESTARTS: str(restarts),
        earlierstatus.EARLIER_LABEL_RESTARTS: str(restarts),
    }
    if job.spec.type:
        found[names.LABEL_TYPE] = job.spec.type
    if job.spec.project:
        found[names.LABEL_PROJECT] = job.spec.project
    return found


def render_job(job: SimulationJob, template: Mapping[str, Any], case: Case, restarts: int) -> bytes:
    """Return the JSON of a case's Job. With spec.managedBy, the Job controller leaves it to the operator.

    `template` is `job.spec.template.to_api(as_given=True)`, which is identical for all cases and expensive to build.
    """
    ours = labels(job, case.index, restarts)
    notes = {
        names.ANNOTATION_ARGO_IGNORE: "true",
        names.ANNOTATION_CASE: case.name,
        names.ANNOTATION_UID: job.metadata.uid,
    }
    users: Mapping[str, Any] = template.get("metadata", {})
    body = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": childnames.job_name(job.metadata.name, job.metadata.uid, case.index, restarts),
            "namespace": job.metadata.namespace,
            "labels": {**_foreign(users.get("labels", {})), **ours, **_queue_labels(job.spec)},
            "annotations": {**_foreign(users.get("annotations", {})), **notes},
            "ownerReferences": [childmetadata.owned_by(job)],
        },
        "spec": {
            "managedBy": names.MANAGED_BY,
            "completions": 1,
            "parallelism": 1,
            "backoffLimit": job.spec.retries.limit,
            "template": podtemplate.render(job, template, case, ours, notes),
        },
    }
    return msgspec.json.encode(body)


def _queue_labels(spec: Spec) -> Mapping[str, str]:
    """Return the labels that Kueue reads. They are not on pods, which Kueue would take for workloads of their own."""
    given = {
        names.LABEL_QUEUE: spec.queue_name,
        names.LABEL_QUEUE_PRIORITY: spec.queue_priority_class_name,
        names.LABEL_QUEUE_MAX_EXEC_TIME: spec.queue_max_exec_time_seconds,
    }
    return {label: str(value) for label, value in given.items() if value is not None}


def _foreign(given: Mapping[str, str]) -> dict[str, str]:
    """Return the user's entries without those in the operator's domain, which hold facts such as the attempt."""
    return {key: value for key, value in given.items() if not key.startswith(f"{names.GROUP}/")}


def render_pod(job: JobFact, template: msgspec.Raw) -> bytes:
    """Return the JSON of the pod for the Job's current attempt. `template` is the Job's, as stored in the API server.

    That template has the labels with which `kubectl logs job/NAME` finds the pod, and the changes made by Kueue.
    """
    stored = msgspec.json.decode(template, type=_Template)
    body = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": childnames.pod_name(job.name, job.attempt),
            "namespace": job.namespace,
            "labels": {**stored.metadata.labels, names.LABEL_ATTEMPT: str(job.attempt)},
            "annotations": stored.metadata.annotations,
            "ownerReferences": [childmetadata.owner("batch/v1", "Job", job.name, job.uid)],
        },
        "spec": stored.spec,
    }
    return msgspec.json.encode(body)
