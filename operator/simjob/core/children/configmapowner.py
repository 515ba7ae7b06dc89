"""Whose a ConfigMap of the operator's is, and whether a SimulationJob may take it over from an earlier one of its name.

A backup, or a deletion that orphans, leaves ConfigMaps without the SimulationJob that they belonged to. The job that is
made again under the name has another uid. A name has one SimulationJob at a time, so an owner of that name and another
uid does not exist any more. What anything else owns is never taken.
"""

from collections.abc import Mapping, Sequence
from enum import Enum, auto
from hashlib import sha256
from typing import Any, Final

import msgspec

from simjob.api import names
from simjob.api.simulationjob import SimulationJob
from simjob.core.children import jobandpod
from simjob.core.facts.apiobjects import Owner

_DIGITS: Final = 16
_CONTENT: Final = ("cases", "subset", "rerunOf", "template")


class Ownership(Enum):
    """OURS: the job controls it. ADOPTABLE: an earlier one of the name left it. FOREIGN: it is none of the job's."""

    OURS = auto()
    ADOPTABLE = auto()
    FOREIGN = auto()


def digest(job: SimulationJob) -> str:
    """Return a hash of what the cases are and what they run: two sweeps with the same one are the same."""
    spec = job.spec.to_api(as_given=True)
    content = {key: spec[key] for key in _CONTENT if key in spec}
    return sha256(msgspec.json.encode(content, order="sorted")).hexdigest()[:_DIGITS]


def of(job: SimulationJob, owners: Sequence[Owner], labels: Mapping[str, str]) -> Ownership:
    """Return whose a ConfigMap with these owners and labels is."""
    if any(owner.controller and owner.uid == job.metadata.uid for owner in owners):
        return Ownership.OURS
    has_labels = (labels.get(names.LABEL_NAME), labels.get(names.LABEL_APP_MANAGED_BY)) == (
        jobandpod.name_label(job.metadata.name),
        names.FIELD_MANAGER,
    )
    left_behind = has_labels and all(_is_earlier(owner, job) for owner in owners)
    return Ownership.ADOPTABLE if left_behind else Ownership.FOREIGN


def _is_earlier(owner: Owner, job: SimulationJob) -> bool:
    group = owner.api_version.rpartition("/")[0]
    return (group, owner.kind, owner.name) == (names.GROUP, names.KIND, job.metadata.name)


def is_of_content(job: SimulationJob, annotations: Mapping[str, str], *, listed: bool) -> bool:
    """Return whether a ConfigMap was made for these cases; `listed`: the job's status names it.

    The release before this one wrote no digest: of its ConfigMaps only the status knows.
    """
    made_for = annotations.get(names.ANNOTATION_DIGEST)
    return listed if made_for is None else made_for == digest(job)


def adopted(job: SimulationJob) -> dict[str, Any]:
    """Return the metadata that make a ConfigMap the job's."""
    meta = job.metadata
    return {
        "labels": {names.LABEL_UID: meta.uid},
        "ownerReferences": [jobandpod.owner(names.API_VERSION, names.KIND, meta.name, meta.uid)],
    }


def is_restored(job: SimulationJob) -> bool:
    """Return whether the status is of an earlier object of the name: it was put back, and is older than the object."""
    created, started = job.metadata.creation_timestamp, job.status.start_time
    return created is not None and started is not None and started < created


def listed(job: SimulationJob) -> tuple[str, ...]:
    """Return the ConfigMaps that the status names."""
    table, results = job.status.case_table, job.status.results
    return (*(table.config_maps if table else ()), *(results.config_maps if results else ()))
