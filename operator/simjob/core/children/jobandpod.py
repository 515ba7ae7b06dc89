"""A case's Job and pod as JSON, with computed names and labels.

A name holds the job, the case, the restarts and the attempt, so that no name is used twice and "already exists"
with our uid means "already done". What the pod itself looks like is in core/children/podtemplate.py.
"""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import msgspec

from simjob.api import earlierstatus, names
from simjob.api.simulationjob import SimulationJob
from simjob.api.sweep.cases import Case
from simjob.core.children import podtemplate
from simjob.core.facts import childnames
from simjob.core.facts.childnames import LONGEST_LABEL
from simjob.core.facts.jobs import JobFact


class _TemplateMeta(msgspec.Struct):
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class _Template(msgspec.Struct):
    spec: msgspec.Raw
    metadata: _TemplateMeta = msgspec.field(default_factory=_TemplateMeta)


def name_label(name: str) -> str:
    """Return a SimulationJob's name as a label value: itself, or its beginning and a hash where it is too long."""
    if len(name) <= LONGEST_LABEL:
        return name
    digest = sha256(name.encode()).hexdigest()[:8]
    return f"{name[: LONGEST_LABEL - 9].rstrip('-.')}-{digest}"


def labels(job: SimulationJob, index: int, restarts: int) -> dict[str, str]:
    """Return our labels of a case's Job and pod. Nothing is copied from the SimulationJob's own labels."""
    found = {
        names.LABEL_NAME: name_label(job.metadata.name),
        names.LABEL_UID: job.metadata.uid,
        names.LABEL_INDEX: str(index),
        names.LABEL_RESTARTS: str(restarts),
        earlierstatus.EARLIER_LABEL_RESTARTS: str(restarts),
        names.LABEL_APP_NAME: "simulation",
        names.LABEL_APP_COMPONENT: "case",
        names.LABEL_APP_MANAGED_BY: names.FIELD_MANAGER,
    }
    if job.spec.type:
        found[names.LABEL_TYPE] = job.spec.type
    if job.spec.project:
        found[names.LABEL_PROJECT] = job.spec.project
    return found


def render_job(job: SimulationJob, template: Mapping[str, Any], case: Case, restarts: int) -> bytes:
    """Return the JSON of a case's Job; it is ours to run (spec.managedBy).

    `template` is `job.spec.template.to_api(as_given=True)`, which is identical for all cases and expensive to build.
    """
    ours = labels(job, case.index, restarts)
    queue = {names.LABEL_QUEUE: job.spec.queue_name} if job.spec.queue_name else {}
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
            "labels": {**_foreign(users.get("labels", {})), **ours, **queue},
            "annotations": {**_foreign(users.get("annotations", {})), **notes},
            "ownerReferences": [owner(names.API_VERSION, names.KIND, job.metadata.name, job.metadata.uid)],
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


def _foreign(given: Mapping[str, str]) -> dict[str, str]:
    """Return the entries that are not the operator's: a case's attempt, for one, is read from its Job."""
    return {key: value for key, value in given.items() if not key.startswith(f"{names.GROUP}/")}


def render_pod(job: JobFact, template: msgspec.Raw) -> bytes:
    """Return the JSON of the pod of the Job's current attempt, from the Job's template as the API server has it.

    The template carries the labels that make `kubectl logs job/NAME` find the pod, and what a queue wrote into it.
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
            "ownerReferences": [owner("batch/v1", "Job", job.name, job.uid)],
        },
        "spec": stored.spec,
    }
    return msgspec.json.encode(body)


def owner(api_version: str, kind: str, name: str, uid: str) -> Mapping[str, Any]:
    """Return the reference to a controller, with which its child goes."""
    return {
        "apiVersion": api_version,
        "kind": kind,
        "name": name,
        "uid": uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }
