"""The owner of a ConfigMap, and whether a SimulationJob may adopt it from an earlier one with the same name.

A backup, or a deletion with `--cascade=orphan`, leaves ConfigMaps without their SimulationJob. A SimulationJob that is
created again with the same name has another uid. There is only one SimulationJob of a name at a time, so an owner with
this name and another uid no longer exists. ConfigMaps of any other owner are never adopted.
"""

from collections.abc import Mapping, Sequence
from enum import Enum, auto
from hashlib import sha256
from typing import Any, Final

import msgspec

from simjob.api import names
from simjob.api.simulationjob import SimulationJob
from simjob.core.children import childmetadata
from simjob.core.facts.apiobjects import Owner

_DIGITS: Final = 16
_CONTENT: Final = ("cases", "subset", "rerunOf", "template")


class Ownership(Enum):
    """OURS: the job controls it. ADOPTABLE: left by an earlier job of the same name. FOREIGN: anything else."""

    OURS = auto()
    ADOPTABLE = auto()
    FOREIGN = auto()


def digest(job: SimulationJob) -> str:
    """Return a hash of the cases and the template. Two SimulationJobs with the same hash run the same sweep."""
    spec = job.spec.to_api(as_given=True)
    content = {key: spec[key] for key in _CONTENT if key in spec}
    return sha256(msgspec.json.encode(content, order="sorted")).hexdigest()[:_DIGITS]


def of(job: SimulationJob, owners: Sequence[Owner], labels: Mapping[str, str]) -> Ownership:
    """Return the ownership of a ConfigMap with these owner references and labels."""
    if any(owner.controller and owner.uid == job.metadata.uid for owner in owners):
        return Ownership.OURS
    has_labels = (labels.get(names.LABEL_NAME), labels.get(names.LABEL_APP_MANAGED_BY)) == (
        childmetadata.name_label(job.metadata.name),
        names.FIELD_MANAGER,
    )
    left_behind = has_labels and all(_is_earlier(owner, job) for owner in owners)
    return Ownership.ADOPTABLE if left_behind else Ownership.FOREIGN


def _is_earlier(owner: Owner, job: SimulationJob) -> bool:
    group = owner.api_version.rpartition("/")[0]
    return (group, owner.kind, owner.name) == (names.GROUP, names.KIND, job.metadata.name)


def is_of_content(job: SimulationJob, annotations: Mapping[str, str], *, listed: bool) -> bool:
    """Return whether a ConfigMap was created for these cases. `listed`: whether the job's status names it.

    The previous release wrote no digest. Without a digest, `listed` decides.
    """
    made_for = annotations.get(names.ANNOTATION_DIGEST)
    return listed if made_for is None else made_for == digest(job)


def adopted(job: SimulationJob) -> dict[str, Any]:
    """Return the metadata to write into a ConfigMap that the job adopts."""
    return {"labels": {names.LABEL_UID: job.metadata.uid}, "ownerReferences": [childmetadata.owned_by(job)]}


def is_restored(job: SimulationJob) -> bool:
    """Return whether the status was restored from an earlier object: its start is before the object's creation."""
    created, started = job.metadata.creation_timestamp, job.status.start_time
    return created is not None and started is not None and started < created


def listed(job: SimulationJob) -> tuple[str, ...]:
    """Return the names of all ConfigMaps in the status."""
    table, results = job.status.case_table, job.status.results
    return (*(table.config_maps if table else ()), *(results.config_maps if results else ()))
