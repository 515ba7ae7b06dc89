"""The API calls that the operator makes, as a protocol, so that tests can use a fake cluster.

Every method raises `ClusterError` (runtime/client/errors.py). The implementation is runtime/cluster/apiserver.py. The
operator makes no other calls to these kinds: manifests/rbac/ grants exactly these, and a test compares the two.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

import msgspec

from simjob.core.facts.apiobjects import Meta, Owner, Workload
from simjob.core.facts.jobs import JobFact
from simjob.core.facts.pods import PodFact
from simjob.core.waiting.notstarting import PodEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredJob:
    """A Job as the API server stores it: its facts, and the JSON of its pod template after admission."""

    fact: JobFact
    template: msgspec.Raw


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """The content of an events.k8s.io/v1 Event about a SimulationJob. `type` is Normal or Warning."""

    namespace: str
    name: str
    uid: str
    resource_version: str
    type: str
    reason: str
    action: str
    note: str
    time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigMap:
    """A ConfigMap. `binary` is its `binaryData`, decoded."""

    uid: str
    resource_version: str
    owners: tuple[Owner, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    data: Mapping[str, str] = field(default_factory=dict)
    binary: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def owner_uid(self) -> str:
        """Return the uid of its controller owner reference; empty if it has none."""
        return next((owner.uid for owner in self.owners if owner.controller), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlabelled:
    """The metadata of Jobs and pods without the label of a SimulationJob, most of them not the operator's."""

    jobs: Sequence[Meta] = ()
    pods: Sequence[Meta] = ()


class Cluster(Protocol):
    """The operator's calls. A `uid` parameter is a precondition: the call fails if the object has another uid."""

    async def create_job(self, namespace: str, body: bytes) -> StoredJob:
        """Create a batch/v1 Job from its JSON and return it as the API server stores it."""
        ...

    async def get_job(self, namespace: str, name: str) -> StoredJob:
        """Get a Job; raise NotOursError if it does not belong to the operator."""
        ...

    async def annotate_job(self, namespace: str, name: str, uid: str, annotations: Mapping[str, str | None]) -> JobFact:
        """Merge annotations into a Job's metadata (None removes one); raise ConflictError if its uid differs."""
        ...

    async def label_job(self, namespace: str, name: str, uid: str, owner_uid: str) -> JobFact:
        """Restore the label on a Job that names its SimulationJob; raise ConflictError if its uid differs."""
        ...

    async def write_job_status(self, namespace: str, name: str, uid: str, status: Mapping[str, Any]) -> JobFact:
        """Merge `status` into a Job's status subresource; raise ConflictError if its uid differs."""
        ...

    async def delete_job(self, namespace: str, name: str, uid: str) -> None:
        """Delete a Job with propagationPolicy Background. Succeed too if it is gone or its name has another uid."""
        ...

    async def create_pod(self, namespace: str, body: bytes) -> PodFact:
        """Create a pod from its JSON and return its facts."""
        ...

    async def get_pod(self, namespace: str, name: str, owner_uid: str = "") -> PodFact:
        """Get a pod; raise NotOursError if it does not belong to the operator.

        `owner_uid` is the SimulationJob to assume if the pod itself names none.
        """
        ...

    async def label_pod(self, namespace: str, name: str, uid: str, owner_uid: str) -> PodFact:
        """Restore the label on a pod that names its SimulationJob; raise ConflictError if its uid differs."""
        ...

    async def limit_pod(self, namespace: str, name: str, uid: str, seconds: int) -> PodFact:
        """Lower a pod's activeDeadlineSeconds.

        Raise ConflictError if its uid differs, InvalidError if its deadline is lower already.
        """
        ...

    async def delete_pod(self, namespace: str, name: str, uid: str) -> PodFact | None:
        """Delete a pod with its own grace period; return its facts after the call, or None if it is gone."""
        ...

    async def list_pods(self, namespace: str, owner_uid: str, *, live_only: bool) -> Sequence[PodFact]:
        """List the pods of a SimulationJob by a consistent read. `live_only` leaves out Succeeded and Failed pods."""
        ...

    async def list_earlier_pods(self, namespace: str, name_label: str, owner_uid: str) -> Sequence[PodFact]:
        """List the live pods of earlier SimulationJobs of a name.

        `name_label` is that name as a label value; pods whose label has the uid `owner_uid` are left out.
        """
        ...

    async def list_pod_events(self, namespace: str, uid: str) -> Sequence[PodEvent]:
        """List the Events about a pod, at most 500."""
        ...

    async def list_workloads(self, namespace: str, job_uids: Sequence[str]) -> Sequence[Workload]:
        """List the Kueue Workloads of these Jobs. They may be out of date by some seconds.

        The error has the code 404 if the API server serves no Workloads.
        """
        ...

    async def list_jobs(self, namespace: str, owner_uid: str) -> Sequence[JobFact]:
        """List the Jobs of a SimulationJob by a consistent read."""
        ...

    async def list_unlabelled(self, namespace: str) -> Unlabelled:
        """List the Jobs and pods without the label that the watches select, by a consistent read."""
        ...

    async def get_config_map(self, namespace: str, name: str) -> ConfigMap:
        """Get a ConfigMap, no matter what owns it."""
        ...

    async def create_config_map(self, namespace: str, body: bytes) -> ConfigMap:
        """Create a ConfigMap from its JSON and return it as stored."""
        ...

    async def write_config_map(
        self,
        namespace: str,
        name: str,
        uid: str,
        resource_version: str,
        data: Mapping[str, str],
        metadata: Mapping[str, Any] | None = None,
    ) -> ConfigMap:
        """Merge `data` and `metadata` into a ConfigMap; a list of owner references replaces the existing list.

        Raise ConflictError if its uid or its resourceVersion differs.
        """
        ...

    async def get_simulationjob(self, namespace: str, name: str) -> dict[str, Any]:
        """Get a SimulationJob as decoded JSON."""
        ...

    async def patch_simulationjob_status(
        self, namespace: str, name: str, resource_version: str, status: Mapping[str, Any]
    ) -> str:
        """Merge `status` into the status subresource (None removes a field) and return the new resourceVersion.

        Raise ConflictError if the object is not at `resource_version`.
        """
        ...

    async def delete_simulationjob(self, namespace: str, name: str, uid: str, resource_version: str) -> None:
        """Delete a SimulationJob with propagationPolicy Background.

        Succeed too if it is gone or its name has another uid. Raise ConflictError if it is not at `resource_version`.
        """
        ...

    async def create_event(self, event: Event) -> None:
        """Create an events.k8s.io/v1 Event about a SimulationJob."""
        ...
