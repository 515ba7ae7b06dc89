"""Kueue's Workloads, as far as the operator reads them, and a CRD that stands in for Kueue's."""

from collections.abc import Mapping
from typing import Any, Final

from simjob.api import names

VERSION: Final = "v1beta2"
RESERVED, EVICTED = "QuotaReserved", "Evicted"
# The words of Kueue 0.17.
NO_QUEUE: Final = ("Inadmissible", "LocalQueue gpus doesn't exist")
FULL: Final = (
    "Pending",
    "couldn't assign flavors to pod set main: insufficient unused quota for cpu in flavor default, 2 more needed",
)
TOO_SMALL: Final = (
    "Pending",
    "couldn't assign flavors to pod set main: insufficient quota for cpu in flavor default, previously considered "
    "podsets requests (0) + current podset request (10) > maximum capacity (8)",
)
PREEMPTED: Final = (
    "Preempted",
    "Preempted to accommodate a workload (UID: 5c02, JobUID: 3d10) due to prioritization in the ClusterQueue",
)
OVER_TIME: Final = (
    "DeactivatedDueToMaximumExecutionTimeExceeded",
    "The workload is deactivated due to exceeding the maximum execution time",
)

# Only what the operator asks for: the group, the label, and any content.
CRD: Final[dict[str, Any]] = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": f"{names.KUEUE_WORKLOADS}.{names.KUEUE_GROUP}"},
    "spec": {
        "group": names.KUEUE_GROUP,
        "scope": "Namespaced",
        "names": {"kind": "Workload", "plural": names.KUEUE_WORKLOADS, "singular": "workload"},
        "versions": [
            {
                "name": VERSION,
                "served": True,
                "storage": True,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
            }
        ],
    },
}


def a_workload(
    job_uid: str,
    *,
    name: str = "",
    active: bool = True,
    checks: Mapping[str, tuple[str, str]] | None = None,
    **conditions: Any,
) -> dict[str, Any]:
    """Make the Workload of a Job. Keywords are conditions: True, or reason and message of one.

    QuotaReserved is False if it has a reason; all other conditions are True. `checks`: state and message of each.
    """
    told = [
        {
            "type": type_,
            "status": "False" if type_ == RESERVED and given is not True else "True",
            "reason": "Any" if given is True else given[0],
            "message": "" if given is True else given[1],
            "lastTransitionTime": "2026-01-02T03:04:05Z",
        }
        for type_, given in conditions.items()
    ]
    states = [{"name": check, "state": state, "message": said} for check, (state, said) in (checks or {}).items()]
    return {
        "apiVersion": f"{names.KUEUE_GROUP}/{VERSION}",
        "kind": "Workload",
        "metadata": {"name": name or f"job-{job_uid}", "labels": {names.LABEL_WORKLOAD_OF: job_uid}},
        "spec": {"active": active},
        "status": {"conditions": told, "admissionChecks": states},
    }
