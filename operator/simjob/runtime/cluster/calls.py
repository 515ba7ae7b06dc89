"""The API calls that the operator makes, as a protocol, so that tests can put another world behind it.

Every method raises `ClusterError` (runtime/client/errors.py). The real form is in runtime/cluster/apiserver.py. The
methods are the operator's whole reach: manifests/rbac/ grants exactly these, and a test compares the two.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

import msgspec

from simjob.core.facts.apiobjects import Meta, Owner
from simjob.core.facts.jobs import JobFact
from simjob.core.facts.pods import PodFact
from simjob.core.status.notstarting import PodEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredJob:
    """A Job as the API server has it: its facts, and its pod template's JSON as it stands after admission."""

    fact: JobFact
    template: msgspec.Raw


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What an events.k8s.io/v1 Event says of a SimulationJob. `type` is Normal or Warning."""

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
    """A ConfigMap. `binary`: keys that hold bytes."""

    uid: str
    resource_version: str
    owners: tuple[Owner, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    data: Mapping[str, str] = field(default_factory=dict)
    binary: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def owner_uid(self) -> str:
        """The uid of what controls it; empty if nothing does."""
        return next((owner.uid for owner in self.owners if owner.controller), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlabelled:
    """The metadata of Jobs and pods without the label of a SimulationJob, most of them not the operator's."""

    jobs: Sequence[Meta] = ()
    pods: Sequence[Meta] = ()


class Cluster(Protocol):
    """The operator's calls. Names are (namespace, name); `uid` is a precondition of the call."""

    async def create_job(self, namespace: str, body: bytes) -> StoredJob:
        """Create a batch/v1 Job from its JSON and return it as stored."""
        ...

    async def get_job(self, namespace: str, name: str) -> StoredJob:
        """GET a Job; NotOursError if it is not one of ours."""
        ...

    async def annotate_job(self, namespace: str, name: str, uid: str, annotations: Mapping[str, str | None]) -> JobFact:
        """Merge annotations into a Job's metadata (None takes one out); ConflictError if its uid is another."""
        ...

    async def label_job(self, namespace: str, name: str, uid: str, owner_uid: str) -> JobFact:
        """Give a Job the label of its SimulationJob back; ConflictError if its uid is another."""
        ...

    async def write_job_status(self, namespace: str, name: str, uid: str, status: Mapping[str, Any]) -> JobFact:
        """Merge `status` into a Job's status subresource; ConflictError if its uid is another."""
        ...

    async def delete_job(self, namespace: str, name: str, uid: str) -> None:
        """Delete a Job with propagationPolicy Background; one that is gone, or another's name, is success."""
        ...

    async def create_pod(self, namespace: str, body: bytes) -> PodFact:
        """Create a Pod from its JSON."""
        ...

    async def get_pod(self, namespace: str, name: str, owner_uid: str = "") -> PodFact:
        """GET a Pod, of this SimulationJob where nothing on it says whose it is; NotOursError if it is not ours."""
        ...

    async def label_pod(self, namespace: str, name: str, uid: str, owner_uid: str) -> PodFact:
        """Give a Pod the label of its SimulationJob back; ConflictError if its uid is another."""
        ...

    async def limit_pod(self, namespace: str, name: str, uid: str, seconds: int) -> PodFact:
        """Lower a Pod's activeDeadlineSeconds; ConflictError if its uid is another, InvalidError if it has less."""
        ...

    async def delete_pod(self, namespace: str, name: str, uid: str) -> PodFact | None:
        """Delete a Pod with its own grace period; return its state then, None if there is no such pod any more."""
        ...

    async def list_pods(self, namespace: str, owner_uid: str, *, live_only: bool) -> Sequence[PodFact]:
        """List the pods of a SimulationJob by a consistent read; `live_only`: neither Succeeded nor Failed."""
        ...

    async def list_earlier_pods(self, namespace: str, name_label: str, owner_uid: str) -> Sequence[PodFact]:
        """LIST live pods of SimulationJobs with this name, as a label, and another uid than this one."""
        ...

    async def list_pod_events(self, namespace: str, uid: str) -> Sequence[PodEvent]:
        """List the Events about a pod, at most some hundred."""
        ...

    async def list_jobs(self, namespace: str, owner_uid: str) -> Sequence[JobFact]:
        """List the Jobs of a SimulationJob by a consistent read."""
        ...

    async def list_unlabelled(self, namespace: str) -> Unlabelled:
        """LIST the Jobs and pods that the watches do not show, since they lack the label; a consistent read."""
        ...

    async def get_config_map(self, namespace: str, name: str) -> ConfigMap:
        """Read a ConfigMap, whatever owns it."""
        ...

    async def create_config_map(self, namespace: str, body: bytes) -> ConfigMap:
        """Create a ConfigMap from its JSON."""
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
        """Merge into a ConfigMap's data and metadata; ConflictError if it is another one, or not at `resource_version`.

        A list of owners replaces the one that is there.
        """
        ...

    async def get_simulationjob(self, namespace: str, name: str) -> dict[str, Any]:
        """Read a whole SimulationJob."""
        ...

    async def patch_simulationjob_status(
        self, namespace: str, name: str, resource_version: str, status: Mapping[str, Any]
    ) -> str:
        """Merge `status` (None takes a field out) into the status subresource.

        Return the new resourceVersion; ConflictError if the object is not at `resource_version`.
        """
        ...

    async def delete_simulationjob(self, namespace: str, name: str, uid: str, resource_version: str) -> None:
        """Delete a SimulationJob with propagationPolicy Background; one that is gone, or another's name, is success.

        ConflictError if the object is not at `resource_version`.
        """
        ...

    async def create_event(self, event: Event) -> None:
        """Create an events.k8s.io/v1 Event about a SimulationJob."""
        ...
