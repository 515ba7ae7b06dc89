"""The allow-list of the pod template's containers.

It has what Pod Security `restricted` allows, except that a container may also run as root:
https://kubernetes.io/docs/concepts/security/pod-security-standards/
"""

from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from simjob.api.crd import rules
from simjob.api.podtemplate.environment import EnvFrom, EnvVar
from simjob.api.podtemplate.probes import Lifecycle, Probe
from simjob.api.podtemplate.scalars import Command, Path, Port, PullPolicy, ReadOnly
from simjob.api.resources import Quantity
from simjob.api.schema import INT32_MAX, DnsLabel, Model, Word, validated

Id = Annotated[int, Field(ge=0, le=INT32_MAX, description="Numeric ID.")]


class ContainerPort(Model):
    """A port that the container listens on."""

    container_port: Port
    name: Annotated[str | None, Field(max_length=15, description="Name of the port.")] = None
    protocol: Annotated[
        Literal["TCP", "UDP", "SCTP"] | None, Field(description="Protocol of the port. TCP if absent.")
    ] = None


class VolumeMount(Model):
    """A volume and its path in the container."""

    name: Annotated[DnsLabel, Field(description="Name of the volume.")]
    mount_path: Annotated[Path, Field(description="Path in the container.")]
    sub_path: Annotated[
        Path | None, Field(description="Path in the volume to mount. The root of the volume if absent.")
    ] = None
    sub_path_expr: Annotated[
        Path | None,
        Field(description="Like `subPath`, but $(VARIABLE) is replaced by the value of the environment variable."),
    ] = None
    read_only: ReadOnly = None


class Claim(Model):
    """A resource claim of the pod that the container uses."""

    name: Annotated[DnsLabel, Field(description="Name of an entry in the pod's `resourceClaims`.")]
    request: Annotated[
        DnsLabel | None, Field(description="Name of one request of the claim. All requests if absent.")
    ] = None


Amounts = Annotated[dict[Annotated[str, Field(max_length=253)], Quantity], Field(max_length=16)]


class ContainerResources(Model):
    """The resources of a container. For the first container, `spec.resources` replaces these values."""

    requests: Annotated[Amounts | None, Field(description="Reserved resources, such as cpu: '1'.")] = None
    limits: Annotated[Amounts | None, Field(description="Maximum resources, such as memory: '4Gi'.")] = None
    claims: Annotated[
        tuple[Claim, ...] | None, Field(max_length=16, description="Resource claims that the container uses.")
    ] = None


class SeccompProfile(Model):
    """A seccomp profile: which system calls are allowed."""

    type: Annotated[
        Literal["RuntimeDefault", "Localhost"], Field(description="Kind of profile. Unconfined is not allowed.")
    ]
    localhost_profile: Annotated[
        Path | None, Field(description="Path of the profile on the node. Required with Localhost.")
    ] = None


class Capabilities(Model):
    """Linux capabilities that are dropped. None can be added."""

    drop: Annotated[
        tuple[Word, ...],
        Field(
            max_length=64,
            description="Capabilities to drop. Must include ALL.",
            json_schema_extra=validated(rules.DROPS_ALL_RULE),
        ),
    ]


class SecurityContext(Model):
    """Security settings of the container."""

    run_as_user: Annotated[
        Id | None, Field(description="User ID of the processes. If absent, that of the pod, or else of the image.")
    ] = None
    run_as_group: Annotated[
        Id | None, Field(description="Primary group ID of the processes. That of the pod if absent.")
    ] = None
    run_as_non_root: Annotated[
        bool | None, Field(description="If true, the container does not start if it would run as root.")
    ] = None
    read_only_root_filesystem: Annotated[
        bool | None, Field(description="Whether the root file system is read-only. False if absent.")
    ] = None
    allow_privilege_escalation: Annotated[
        Literal[False] | None,
        Field(description="Whether a process can gain more privileges. Must be false. False if absent."),
    ] = None
    capabilities: Annotated[
        Capabilities | None, Field(description="Linux capabilities. ALL are dropped if absent.")
    ] = None
    seccomp_profile: Annotated[
        SeccompProfile | None, Field(description="Seccomp profile. That of the pod, or else RuntimeDefault, if absent.")
    ] = None


class AnyContainer(Model):
    """The fields of containers and init containers."""

    name: Annotated[DnsLabel, Field(description="Name of the container, unique in the pod.")]
    image: Annotated[
        str, Field(min_length=1, max_length=1024, description="Image, such as registry.example/solver:1.4.")
    ]
    image_pull_policy: PullPolicy = None
    command: Annotated[Command | None, Field(description="Command, in place of the entry point of the image.")] = None
    args: Annotated[
        Command | None,
        Field(
            description="Arguments of the command. $(PARAM_NAME) is replaced by the value of the parameter `name`, "
            "which each case must have. $$(PARAM_NAME) becomes the text $(PARAM_NAME)."
        ),
    ] = None
    working_dir: Annotated[Path | None, Field(description="Working directory. That of the image if absent.")] = None
    env: Annotated[
        tuple[EnvVar, ...] | None,
        Field(
            max_length=256,
            description="Environment variables, in addition to those of the case (SIMJOB_*, PARAM_*). For equal names, "
            "the one here wins.",
        ),
    ] = None
    env_from: Annotated[
        tuple[EnvFrom, ...] | None,
        Field(max_length=32, description="ConfigMaps and Secrets whose keys become environment variables."),
    ] = None
    volume_mounts: Annotated[
        tuple[VolumeMount, ...] | None,
        Field(max_length=64, description="Volumes to mount, and their paths in the container."),
    ] = None
    resources: Annotated[
        ContainerResources | None,
        Field(
            description="Resources of the container. For the first container, `spec.resources` replaces these values."
        ),
    ] = None
    security_context: Annotated[SecurityContext | None, Field(description="Security settings of the container.")] = None
    ports: Annotated[
        tuple[ContainerPort, ...] | None, Field(max_length=32, description="Ports that the container listens on.")
    ] = None
    lifecycle: Annotated[
        Lifecycle | None, Field(description="Actions after the container has started, and before it stops.")
    ] = None
    startup_probe: Annotated[
        Probe | None,
        Field(
            description="Check that the container has started. Until it passes, the other probes wait. The containers "
            "after a sidecar wait for it, too."
        ),
    ] = None
    readiness_probe: Annotated[Probe | None, Field(description="Check that the container is ready.")] = None
    liveness_probe: Annotated[
        Probe | None,
        Field(
            description="Check that the container works. If it fails, the container is stopped: a sidecar is then "
            "started again; any other container has failed, and so has the attempt."
        ),
    ] = None


class InitContainer(AnyContainer):
    """A container that ends before the next one starts, or a sidecar, which runs alongside the containers."""

    model_config = ConfigDict(json_schema_extra=validated(rules.SIDECAR_FIELDS_RULE))

    restart_policy: Annotated[
        Literal["Always"] | None,
        Field(
            description="Always makes it a sidecar: it runs alongside the containers, is stopped after them, and does "
            "not affect the outcome of the case. If absent, the next container starts when this one has ended."
        ),
    ] = None

    @model_validator(mode="after")
    def _only_sidecars_are_probed(self) -> Self:
        only_sidecars = (self.lifecycle, self.startup_probe, self.readiness_probe, self.liveness_probe)
        if self.restart_policy is None and any(field is not None for field in only_sidecars):
            raise ValueError(rules.SIDECAR_FIELDS)
        return self


class Container(AnyContainer):
    """A container. The first one is the simulation.

    The attempt ends when all containers have ended. It fails if one of them failed.
    """

    termination_message_path: Annotated[
        Path | None,
        Field(
            description="Path of the file with the termination message, which the kubelet reads when the container "
            "ends. The message of the first container is the result of the case. Its maximum is 4096 bytes, or 12 KiB "
            "divided by the number of all containers in the pod if that is less. /dev/termination-log if absent."
        ),
    ] = None
    termination_message_policy: Annotated[
        Literal["File", "FallbackToLogsOnError"] | None,
        Field(
            description="Source of the termination message. File: the file only. FallbackToLogsOnError: the end of the "
            "logs (80 lines, 2048 bytes) if the file is empty and the container failed. File if absent."
        ),
    ] = None
