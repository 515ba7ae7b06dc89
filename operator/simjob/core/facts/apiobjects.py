"""The fields of pods, Jobs, Events and Workloads that the operator reads. An absent field has the API's default."""

from datetime import UTC, datetime
from typing import Final

import msgspec

from simjob.api import names

NO_TIME: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Owner(msgspec.Struct, rename="camel"):
    """An owner reference."""

    uid: str
    name: str = ""
    kind: str = ""
    api_version: str = ""
    controller: bool = False


class Meta(msgspec.Struct, rename="camel"):
    """The metadata of an object."""

    name: str
    uid: str
    namespace: str = ""
    resource_version: str = "0"
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    owner_references: list[Owner] = []
    creation_timestamp: datetime = NO_TIME
    deletion_timestamp: str | None = None
    deletion_grace_period_seconds: int | None = None


class Condition(msgspec.Struct, rename="camel"):
    """A condition of a pod, a Job or a Workload."""

    type: str
    status: str = ""
    reason: str = ""
    message: str = ""
    last_transition_time: datetime | None = None


class Terminated(msgspec.Struct, rename="camel"):
    """The state of a container that has ended."""

    exit_code: int = 0
    reason: str = ""
    message: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None


class Running(msgspec.Struct, rename="camel"):
    """The state of a running container."""

    started_at: datetime | None = None


class Waiting(msgspec.Struct):
    """The state of a waiting container."""

    reason: str = ""
    message: str = ""


class State(msgspec.Struct):
    """The state of a container."""

    running: Running | None = None
    terminated: Terminated | None = None
    waiting: Waiting | None = None


class Container(msgspec.Struct):
    """The status of a container."""

    name: str = ""
    image: str = ""
    state: State = msgspec.field(default_factory=State)


class PodStatus(msgspec.Struct, rename="camel"):
    """The status of a pod."""

    phase: str = "Pending"
    reason: str = ""
    message: str = ""
    start_time: datetime | None = None
    conditions: list[Condition] = []
    container_statuses: list[Container] = []
    init_container_statuses: list[Container] = []


class ContainerSpec(msgspec.Struct, rename="camel"):
    """A container of a pod's spec."""

    name: str = ""
    restart_policy: str = ""
    termination_message_policy: str = ""

    @property
    def falls_back_to_logs(self) -> bool:
        """Whether the end of the log becomes the termination message if the container fails without one."""
        return self.termination_message_policy == "FallbackToLogsOnError"


class SchedulingGate(msgspec.Struct):
    """What keeps the scheduler from a pod until somebody removes it."""

    name: str = ""


class PodSpec(msgspec.Struct, rename="camel"):
    """The spec of a pod."""

    node_name: str = ""
    active_deadline_seconds: int | None = None
    containers: list[ContainerSpec] = []
    init_containers: list[ContainerSpec] = []
    ephemeral_containers: list[ContainerSpec] = []
    scheduling_gates: list[SchedulingGate] = []


class Pod(msgspec.Struct):
    """The fields of a v1 Pod that the operator reads."""

    metadata: Meta
    spec: PodSpec = msgspec.field(default_factory=PodSpec)
    status: PodStatus = msgspec.field(default_factory=PodStatus)


class Series(msgspec.Struct, rename="camel"):
    """The series of a repeated Event."""

    last_observed_time: datetime | None = None


class PodEvent(msgspec.Struct, rename="camel"):
    """The fields of a v1 Event that the operator reads. Kubelets write lastTimestamp, others eventTime and series."""

    type: str = ""
    reason: str = ""
    message: str = ""
    last_timestamp: datetime | None = None
    event_time: datetime | None = None
    series: Series | None = None


class PodEventList(msgspec.Struct):
    """A list of v1 Events."""

    items: list[PodEvent] | None = None


class JobStatus(msgspec.Struct, rename="camel"):
    """The status of a Job."""

    active: int = 0
    ready: int = 0
    failed: int = 0
    start_time: datetime | None = None
    conditions: list[Condition] = []


class JobSpec(msgspec.Struct, rename="camel"):
    """The spec of a Job."""

    suspend: bool = False
    managed_by: str = ""


class Job(msgspec.Struct):
    """The fields of a batch/v1 Job that the operator reads."""

    metadata: Meta
    spec: JobSpec = msgspec.field(default_factory=JobSpec)
    status: JobStatus = msgspec.field(default_factory=JobStatus)


class AdmissionCheck(msgspec.Struct):
    """The state of a check that a Workload needs beside its quota: Pending, Ready, Retry or Rejected."""

    name: str = ""
    state: str = ""
    message: str = ""


class WorkloadSpec(msgspec.Struct):
    """The spec of a Workload."""

    active: bool = True


class WorkloadStatus(msgspec.Struct, rename="camel"):
    """The status of a Workload."""

    conditions: list[Condition] = []
    admission_checks: list[AdmissionCheck] = []


class Workload(msgspec.Struct):
    """The fields of a Kueue Workload that the operator reads."""

    metadata: Meta
    spec: WorkloadSpec = msgspec.field(default_factory=WorkloadSpec)
    status: WorkloadStatus = msgspec.field(default_factory=WorkloadStatus)

    @property
    def of(self) -> str:
        """Return the uid of its Job; empty if it has none."""
        return self.metadata.labels.get(names.LABEL_WORKLOAD_OF, "")


class WorkloadList(msgspec.Struct):
    """A list of Workloads."""

    items: list[Workload] | None = None
