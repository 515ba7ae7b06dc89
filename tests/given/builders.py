"""Builders of test data: valid by default; a test passes only the fields that matter."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from simjob.api.names import API_VERSION, KIND
from simjob.api.simulationjob import SimulationJob
from simjob.api.status import Status
from simjob.api.sweep.stored import CaseTable
from simjob.core import planner
from simjob.core.facts.jobs import JobFact
from simjob.core.facts.pods import PodFact, PodState
from simjob.core.observed.children import Observed, observe
from simjob.core.observed.preparation import Unprepared
from simjob.core.observed.refusedcreation import Refusal
from simjob.core.plan import Plan

UID = "0b0c4fd2-5f39-4c0e-9a05-0f6a3d0c1a11"
CREATED = "2026-01-02T03:04:05Z"
NOW = datetime(2026, 1, 2, 3, 5, tzinfo=UTC)


def a_template_dict(**spec: Any) -> dict[str, Any]:
    """Make the smallest template; keywords are fields of the pod's spec, as in YAML."""
    return {"spec": {"containers": [{"name": "simulation", "image": "example.org/solver:1"}], **spec}}


def a_template_with(**container: Any) -> dict[str, Any]:
    """Make a template with one container; keywords are fields of the container, as in YAML."""
    return a_template_dict(containers=[{"name": "simulation", "image": "example.org/solver:1", **container}])


def a_job_dict(
    *,
    metadata: dict[str, Any] | None = None,
    status: dict[str, Any] | None = None,
    **spec: Any,
) -> dict[str, Any]:
    """Make a SimulationJob as the API server gives it; keywords are fields of the spec, as in YAML."""
    job: dict[str, Any] = {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {
            "name": "sweep",
            "namespace": "default",
            "uid": UID,
            "generation": 1,
            "resourceVersion": "1",
            "creationTimestamp": CREATED,
            **(metadata or {}),
        },
        "spec": {"cases": {"count": 3}, "template": a_template_dict(), **spec},
    }
    return {**job, "status": status} if status is not None else job


def a_whole_job(spec: dict[str, Any], *, name: str = "sweep") -> dict[str, Any]:
    """Build a SimulationJob from part of a spec; missing required fields are filled in."""
    cases = {} if "rerunOf" in spec or "cases" in spec else {"cases": {"count": 3}}
    whole = {"template": a_template_dict(), **cases, **spec}
    return {"apiVersion": API_VERSION, "kind": KIND, "metadata": {"name": name}, "spec": whole}


def a_job(
    *,
    metadata: dict[str, Any] | None = None,
    status: dict[str, Any] | None = None,
    **spec: Any,
) -> SimulationJob:
    """Make a SimulationJob; the same keywords as `a_job_dict`. ValidationError if it is not valid."""
    return SimulationJob.model_validate(a_job_dict(metadata=metadata, status=status, **spec))


def a_pod_fact(index: int = 0, *, job: JobFact | None = None, **fact: Any) -> PodFact:
    """Make a case's running pod: of `job` and its current attempt, or of a first attempt; keywords are fields."""
    attempt = fact.get("attempt", job.attempt if job else 0)
    owner = job or a_job_fact(index)
    found: dict[str, Any] = {
        "name": f"{owner.name}-{attempt}",
        "namespace": owner.namespace,
        "uid": f"{owner.uid}-pod-{attempt}",
        "version": 1,
        "owner_uid": owner.owner_uid,
        "job_uid": owner.uid,
        "index": owner.index,
        "attempt": attempt,
        "state": PodState.RUNNING,
        "created": NOW,
        "seen_at": NOW,
        **fact,
    }
    if found.get("terminating"):
        found = {"stopped": True, "asked_at": NOW, **found}
    return PodFact(**found)


def a_job_fact(index: int = 0, *, restarts: int = 0, **fact: Any) -> JobFact:
    """Build the Job of a case that was just created; keywords are fields."""
    found: dict[str, Any] = {
        "name": f"sweep-0b0c4fd2-{index}-{restarts}",
        "namespace": "default",
        "uid": f"job-{index}-{restarts}",
        "version": 1,
        "owner_uid": UID,
        "owner_name": "sweep",
        "case_name": str(index),
        "created": NOW,
        **fact,
    }
    return JobFact(index=index, restarts=restarts, **found)


def observed(
    *children: JobFact | PodFact,
    spent: Iterable[int] | None = (),
    refusal: Refusal | None = None,
    prepared: CaseTable | Unprepared | None = None,
    attributed: bool = False,
    last_stop: datetime | None = None,
) -> Observed:
    """Build observed Jobs and pods; `spent` is None for an operator that has just started."""
    return observe(
        [child for child in children if isinstance(child, JobFact)],
        [child for child in children if isinstance(child, PodFact)],
        spent=None if spent is None else frozenset(spent),
        refusal=refusal,
        prepared=prepared,
        attributed=attributed,
        last_stop=last_stop,
    )


def a_started_job(
    *, metadata: dict[str, Any] | None = None, status: dict[str, Any] | None = None, **spec: Any
) -> SimulationJob:
    """Make a SimulationJob that is under way; `status` adds to its status."""
    return a_job(metadata=metadata, status={"phase": "RUNNING", "startTime": CREATED, **(status or {})}, **spec)


def planned(
    job: SimulationJob,
    *children: JobFact | PodFact,
    spent: Iterable[int] | None = (),
    refusal: Refusal | None = None,
    prepared: CaseTable | Unprepared | None = None,
    attributed: bool = False,
    last_stop: datetime | None = None,
    now: datetime = NOW,
) -> Plan:
    """Plan for a job with these children."""
    found = observed(
        *children, spent=spent, refusal=refusal, prepared=prepared, attributed=attributed, last_stop=last_stop
    )
    return planner.plan(job, found, now)


def said(plan: Plan) -> Status:
    """Return the status of a plan, which must have one."""
    assert plan.status is not None
    return plan.status
