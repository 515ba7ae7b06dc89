"""A Job as typed facts, read from the API server's JSON.

Only the fields that a rule reads are decoded; a strange Job is None, never an exception.
"""

from dataclasses import dataclass
from datetime import datetime

from simjob.api import names
from simjob.core.facts import annotations, identity, lastattempt
from simjob.core.facts.apiobjects import Job
from simjob.core.facts.lastattempt import LastAttempt


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFact:
    """One case's Job.

    `labelled`: it has the label by which the operator lists and watches.
    `attempt`, `failed`, `lost`, `not_before` are our annotations: the current attempt's number, the failures
    that count so far, the attempts lost in a row, and the time before which the attempt must not start; `seconds`
    is how long the earlier attempts ran; `disruptions` and `last_disruption` say how many the cluster ended, and why.
    `error_code`, `error_message`, too: what the operator itself decided of the last failure. `last_attempt`: how the
    attempt before the current one ended.
    `managed`: whether it is ours to run (spec.managedBy); else kube-controller-manager makes pods for it.
    `status_failed`, `active`, `ready`, `started`: what its status says. `succeeded` is None until it finished.
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
    """Return the facts of a Job of ours; None for any other Job."""
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


def _number(values: dict[str, str], key: str) -> int | None:
    return annotations.number(values.get(key, ""))
