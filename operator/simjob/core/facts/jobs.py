"""A Job as typed facts, read from the API server's JSON.

Only the fields that a rule reads are decoded. A Job of somebody else gives None, never an exception.
"""

from dataclasses import dataclass
from datetime import datetime

from simjob.api import names
from simjob.core.facts import annotations, identity, lastattempt
from simjob.core.facts.apiobjects import Job
from simjob.core.facts.lastattempt import LastAttempt


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFact:
    """The Job of one case.

    From the operator's annotations:
    `attempt`: number of the current attempt. `failed`: failures that count. `lost`: attempts lost in a row.
    `not_before`: earliest start of the current attempt. `seconds`: how long the earlier attempts ran.
    `disruptions`, `last_disruption`: number of disruptions, and the cause of the last one.
    `error_code`, `error_message`: the last failure, if the operator itself decided it.
    `last_attempt`: how the attempt before the current one ended.

    From spec, status and metadata:
    `labelled`: it has the label that the operator lists and watches.
    `managed`: the operator runs it (spec.managedBy). Otherwise kube-controller-manager creates its pods.
    `queued`: it names a queue, or has been suspended, which only a queue does. So its queue reads its status.
    `status_failed`, `active`, `ready`, `started`: fields of its status. `succeeded` is None until it has finished.
    """

    name: str
    namespace: str
    uid: str
    version: int
    owner_uid: str
    owner_name: str
    index: int
    restarts: int
    labelled: bool = True
    case_name: str = ""
    attempt: int = 0
    failed: int = 0
    lost: int = 0
    not_before: datetime | None = None
    seconds: int = 0
    disruptions: int = 0
    last_disruption: str = ""
    error_code: str = ""
    error_message: str = ""
    last_attempt: LastAttempt | None = None
    managed: bool = True
    queued: bool = False
    suspended: bool = False
    says_suspended: bool = False
    terminating: bool = False
    created: datetime
    started: datetime | None = None
    active: int = 0
    ready: int = 0
    status_failed: int = 0
    succeeded: bool | None = None
    finished_at: datetime | None = None
    finish_reason: str = ""
    finish_message: str = ""


def job_fact(job: Job) -> JobFact | None:
    """Return the facts of a Job that belongs to a case; None for any other Job."""
    meta, status = job.metadata, job.status
    whose = identity.of_job(meta)
    if whose is None:
        return None
    true = {c.type: c for c in status.conditions if c.status == "True"}
    finish = true.get("Complete") or true.get("Failed")
    return JobFact(
        name=meta.name,
        namespace=meta.namespace,
        uid=meta.uid,
        version=int(meta.resource_version),
        owner_uid=whose.owner_uid,
        owner_name=whose.owner_name,
        index=whose.index,
        restarts=whose.restarts,
        labelled=whose.labelled,
        case_name=meta.annotations.get(names.ANNOTATION_CASE, ""),
        attempt=_number(meta.annotations, names.ANNOTATION_ATTEMPT) or 0,
        failed=_number(meta.annotations, names.ANNOTATION_FAILED) or 0,
        lost=_number(meta.annotations, names.ANNOTATION_LOST) or 0,
        not_before=annotations.time(meta.annotations.get(names.ANNOTATION_NOT_BEFORE, "")),
        seconds=_number(meta.annotations, names.ANNOTATION_SECONDS) or 0,
        disruptions=_number(meta.annotations, names.ANNOTATION_DISRUPTIONS) or 0,
        last_disruption=meta.annotations.get(names.ANNOTATION_LAST_DISRUPTION, ""),
        error_code=meta.annotations.get(names.ANNOTATION_ERROR_CODE, ""),
        error_message=meta.annotations.get(names.ANNOTATION_ERROR_MESSAGE, ""),
        last_attempt=lastattempt.read(meta.annotations.get(names.ANNOTATION_LAST_ATTEMPT, "")),
        managed=job.spec.managed_by == names.MANAGED_BY,
        queued=_is_queued(job),
        suspended=job.spec.suspend,
        says_suspended="Suspended" in true,
        terminating=meta.deletion_timestamp is not None,
        created=meta.creation_timestamp,
        started=status.start_time,
        active=status.active,
        ready=status.ready,
        status_failed=status.failed,
        succeeded=finish.type == "Complete" if finish else None,
        finished_at=finish.last_transition_time if finish else None,
        finish_reason=finish.reason if finish else "",
        finish_message=finish.message if finish else "",
    )


def _is_queued(job: Job) -> bool:
    # Kueue can also hold Jobs without the label (manageJobsWithoutQueueName).
    was_suspended = any(condition.type == "Suspended" for condition in job.status.conditions)
    return names.LABEL_QUEUE in job.metadata.labels or job.spec.suspend or was_suspended


def _number(values: dict[str, str], key: str) -> int | None:
    return annotations.number(values.get(key, ""))
