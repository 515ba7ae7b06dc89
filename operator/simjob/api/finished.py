"""What is kept of a SimulationJob that has ended: what its lifetime, its history and its deletion need.

A sweep of 2,000 listed cases takes more than a mebibyte as parsed objects, and a finished sweep may be kept for years.
`rerunOf`, which needs their cases again, reads them from the API server.
"""

from collections.abc import Mapping
from math import prod
from typing import Any, Final

from simjob.api.podtemplate.template import Template
from simjob.api.simulationjob import SimulationJob
from simjob.api.sweep.cases import Cases

# Nothing is made from the template of a job that has ended.
_TEMPLATE: Final[Mapping[str, Any]] = {"spec": {"containers": [{"name": "finished", "image": "finished"}]}}
_STUB: Final = Template.model_validate(_TEMPLATE)


def without_cases(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the JSON of a job, if it has ended, with the number of its cases in place of the cases.

    Reading 2,000 listed cases takes longer than everything else that is read of the job.
    """
    status, spec = raw.get("status"), raw.get("spec")
    if not (isinstance(status, Mapping) and status.get("isTerminal") is True and isinstance(spec, Mapping)):
        return raw
    cases = spec.get("cases")
    total = _total(cases) if isinstance(cases, Mapping) else None
    counted = {} if total is None else {"cases": {"count": total}}
    return {**raw, "spec": {**spec, **counted, "template": _TEMPLATE}}


def summary(job: SimulationJob) -> SimulationJob:
    """Return a job that has ended without its cases, its template, and who set which field of it."""
    cases, total = job.spec.cases, job.spec.cases.total if job.spec.cases else None
    if cases is not None and total is not None and not cases.needs_table:
        cases = Cases(count=total)
    spec = job.spec.model_copy(update={"cases": cases, "template": _STUB})
    metadata = job.metadata.model_copy(update={"managed_fields": ()})
    return job.model_copy(update={"spec": spec, "metadata": metadata})


def _total(cases: Mapping[str, Any]) -> int | None:
    """Return how many cases are written out; None if they are not, or not as the schema wants it."""
    if set(cases) == {"list"} and isinstance(cases["list"], list):
        return len(cases["list"]) or None
    if set(cases) == {"matrix"} and isinstance(cases["matrix"], list):
        axes = [axis.get("values") if isinstance(axis, Mapping) else None for axis in cases["matrix"]]
        return prod(len(values) if isinstance(values, list) else 0 for values in axes) or None
    return None
