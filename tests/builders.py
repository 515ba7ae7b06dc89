"""Builders of test data: valid by default, keywords for what the test is about."""

from typing import Any

from simjob.api.names import API_VERSION, KIND
from simjob.api.simulationjob import SimulationJob

UID = "0b0c4fd2-5f39-4c0e-9a05-0f6a3d0c1a11"
CREATED = "2026-01-02T03:04:05Z"


def a_template_dict(**spec: Any) -> dict[str, Any]:
    """Make the smallest template; keywords are fields of the pod's spec, as in YAML."""
    return {"spec": {"containers": [{"name": "simulation", "image": "example.org/solver:1"}], **spec}}


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


def a_job(
    *,
    metadata: dict[str, Any] | None = None,
    status: dict[str, Any] | None = None,
    **spec: Any,
) -> SimulationJob:
    """Make a SimulationJob; the same keywords as `a_job_dict`. ValidationError if it is not valid."""
    return SimulationJob.model_validate(a_job_dict(metadata=metadata, status=status, **spec))
