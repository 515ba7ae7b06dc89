"""The labels and the owner that every child of a SimulationJob has, and long names that are cut to fit."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final

from simjob.api import names
from simjob.api.simulationjob import SimulationJob
from simjob.core.facts.childnames import LONGEST_LABEL

_HASH: Final = 8


def labels(job: SimulationJob, component: str) -> dict[str, str]:
    """Return the operator's labels for a child. `component` is what the child is, such as "case" or "results"."""
    return {
        names.LABEL_NAME: name_label(job.metadata.name),
        names.LABEL_UID: job.metadata.uid,
        names.LABEL_APP_NAME: "simulation",
        names.LABEL_APP_COMPONENT: component,
        names.LABEL_APP_MANAGED_BY: names.FIELD_MANAGER,
    }


def name_label(name: str) -> str:
    """Return a SimulationJob's name as a label value."""
    return shortened(name, LONGEST_LABEL)


def shortened(name: str, longest: int) -> str:
    """Return a name with at most `longest` characters: unchanged, or cut and with a hash if it is too long."""
    if len(name) <= longest:
        return name
    digest = sha256(name.encode()).hexdigest()[:_HASH]
    return f"{name[: longest - _HASH - 1].rstrip('-.')}-{digest}"


def owned_by(job: SimulationJob) -> Mapping[str, Any]:
    """Return the owner reference to a SimulationJob."""
    return owner(names.API_VERSION, names.KIND, job.metadata.name, job.metadata.uid)


def owner(api_version: str, kind: str, name: str, uid: str) -> Mapping[str, Any]:
    """Return an owner reference to a controller. The garbage collector deletes the child with the owner."""
    return {
        "apiVersion": api_version,
        "kind": kind,
        "name": name,
        "uid": uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }
