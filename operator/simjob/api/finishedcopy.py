"""The small copy of a finished SimulationJob that stays in memory: enough for its TTL, its history and its deletion.

A sweep of 2,000 listed cases takes more than 1 MiB as parsed objects, and a finished sweep may be kept for years.
`rerunOf` needs the cases of a finished job; it reads them from the API server.
"""

from collections.abc import Mapping
from math import prod
from typing import Any, Final

from simjob.api.podtemplate.template import Template
from simjob.api.simulationjob import SimulationJob
from simjob.api.sweep.cases import Cases

# A finished job creates nothing from its template, so any valid template will do.
_TEMPLATE: Final[Mapping[str, Any]] = {"spec": {"containers": [{"name": "finished", "image": "finished"}]}}
_STUB: Final = Template.model_validate(_TEMPLATE)


def without_cases(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the JSON of a finished job with `cases` replaced by their number; return any other job as it is.

    Parsing 2,000 listed cases takes longer than parsing the rest of the job.
    """
    status, spec = raw.get("status"), raw.get("spec")
    if not (isinstance(status, Mapping) and status.get("isTerminal") is True and isinstance(spec, Mapping)):
        return raw
    cases = spec.get("cases")
    total = _total(cases) if isinstance(cases, Mapping) else None
    counted = {} if total is None else {"cases": {"count": total}}
    return {**raw, "spec": {**spec, **counted, "template": _TEMPLATE}}


def summary(job: SimulationJob) -> SimulationJob:
    """Return a finished job without its cases, its template and its managedFields."""
    cases = job.spec.cases
    if cases is not None and not cases.needs_table:
        cases = Cases(count=cases.total)
    spec = job.spec.model_copy(update={"cases": cases, "template": _STUB})
    metadata = job.metadata.model_copy(update={"managed_fields": ()})
    return job.model_copy(update={"spec": spec, "metadata": metadata})


def _total(cases: Mapping[str, Any]) -> int | None:
    """Return the number of cases in `list` or `matrix`; None for another source, and for a malformed one."""
    if set(cases) == {"list"} and isinstance(cases["list"], list):
        return len(cases["list"]) or None
    if set(cases) == {"matrix"} and isinstance(cases["matrix"], list):
        axes = [axis.get("values") if isinstance(axis, Mapping) else None for axis in cases["matrix"]]
        return prod(len(values) if isinstance(values, list) else 0 for values in axes) or None
    return None
