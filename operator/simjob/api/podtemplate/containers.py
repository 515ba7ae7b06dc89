"""The container half of the pod template's allow-list: what a case's containers may say.

Only what Pod Security `restricted` allows, except that a container may run as root:
https://kubernetes.io/docs/concepts/security/pod-security-standards/
"""

from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from simjob.api.crd import rules
from simjob.api.resources import Quantity
from simjob.api.schema import INT32_MAX, DnsLabel, Model, ObjectName, Word, validated

Port = Annotated[int, Field(ge=1, le=65535, description="A port number.")]
Key = Annotated[str, Field(min_length=1, max_length=253, description="A key of the ConfigMap or Secret.")]
Seconds = Annotated[int, Field(ge=0, le=INT32_MAX)]
Times = Annotated[int, Field(ge=1, le=INT32_MAX)]
Id = Annotated[int, Field(ge=0, le=INT32_MAX, description="A numeric id.")]
Argument = Annotated[str, Field(max_length=32768, description="A word of the command line.")]
Command = Annotated[tuple[Argument, ...], Field(max_length=512)]
Path = Annotated[str, Field(min_length=1, max_length=1024)]


class KeyRef(Model):
    """A key of a ConfigMap or Secret in the same namespace."""

    name: Annotated[ObjectName, Field(description="The ConfigMap or Secret.")]
    key: Annotated[Key, Field(description="The key.")]
    optional: Annotated[bool | None, Field(description="Whether it may be missing.")] = None


class FieldRef(Model):
    """A field of the pod."""

    api_version: Annotated[Literal["v1"] | None, Field(description="The version of the pod's schema.")] = None
    field_path: Annotated[str, Field(min_length=1, max_length=512, description="Such as metadata.name.")]


class ResourceFieldRef(Model):
    """A request or limit of a container."""

    container_name: Annotated[DnsLabel | None, Field(description="The container; in a volume it is required.")] = None
    resource: Annotated[str, Field(min_length=1, max_length=253, description="Such as limits.memory.")]
    divisor: Annotated[Quantity | None, Field(description="The unit, such as '1Mi'.")] = None


class EnvSource(Model):
    """Where a variable's value comes from: one of the fields."""

    config_map_key_ref: Annotated[KeyRef | None, Field(description="A key of a ConfigMap.")] = None
    secret_key_ref: Annotated[KeyRef | None, Field(description="A key of a Secret.")] = None
    field_ref: Annotated[FieldRef | None, Field(description="A field of the pod.")] = None
    resource_field_ref: Annotated[ResourceFieldRef | None, Field(description="A request or limit.")] = None


class EnvVar(Model):
    """A variable of the environment."""

    name: Annotated[str, Field(min_length=1, max_length=253, description="The variable.")]
    value: Annotated[
        str | None, Field(max_length=32768, description="Its value; $(OTHER) stands for variables before it.")
    ] = None
    value_from: Annotated[EnvSource | None, Field(description="Where its value comes from.")] = None


class EnvRef(Model):
    """A ConfigMap or Secret in the same namespace."""

    name: Annotated[ObjectName, Field(description="The ConfigMap or Secret.")]
    optional: Annotated[bool | None, Field(description="Whether it may be missing.")] = None


class EnvFrom(Model):
    """All keys of a ConfigMap or Secret as variables."""

    prefix: Annotated[Word | None, Field(description="Put before each key.")] = None
    config_map_ref: Annotated[EnvRef | None, Field(description="A ConfigMap.")] = None
    secret_ref: Annotated[EnvRef | None, Field(description="A Secret.")] = None


class ContainerPort(Model):
    """A port that the container listens on."""

    container_port: Annotated[Port, Field(description="The port.")]
    name: Annotated[str | None, Field(max_length=15, description="A name for the port.")] = None
    protocol: Annotated[Literal["TCP", "UDP", "SCTP"] | None, Field(description="TCP if absent.")] = None


class VolumeMount(Model):
    """Where a volume appears."""

    name: Annotated[DnsLabel, Field(description="The volume.")]
    mount_path: Annotated[Path, Field(description="The path in the container.")]
    sub_path: Annotated[Path | None, Field(description="A path in the volume, in place of its root.")] = None
    sub_path_expr: Annotated[Path | None, Field(description="The same with $(VARIABLE) filled in.")] = None
    read_only: Annotated[bool | None, Field(description="Mount it read-only.")] = None


class Claim(Model):
    """A resource claim of the pod that the container uses."""

    name: Annotated[DnsLabel, Field(description="The entry in the pod's `resourceClaims`.")]
    request: Annotated[DnsLabel | None, Field(description="One request of the claim.")] = None


Amounts = Annotated[dict[Annotated[str, Field(max_length=253)], Quantity], Field(max_length=16)]


class ContainerResources(Model):
    """What the container asks for. On the first container the job's `resources` stand above these."""

    requests: Annotated[Amounts | None, Field(description="What is set aside, such as cpu: '1'.")] = None
    limits: Annotated[Amounts | None, Field(description="What it may use at most.")] = None
    claims: Annotated[tuple[Claim, ...] | None, Field(max_length=16, description="Resource claims it uses.")] = None


class SeccompProfile(Model):
    """Which system calls are allowed."""

    type: Annotated[Literal["RuntimeDefault", "Localhost"], Field(description="Unconfined is not allowed.")]
    localhost_profile: Annotated[Path | None, Field(description="The node's profile, with Localhost.")] = None


class Capabilities(Model):
    """Capabilities of root that are taken away; none can be added."""

    drop: Annotated[
        tuple[Word, ...],
        Field(
            max_length=64,
            description="Dropped capabilities; ALL must be one of them.",
            json_schema_extra=validated(rules.DROPS_ALL_RULE),
        ),
    ]


class SecurityContext(Model):
    """What the container's processes may do."""

    run_as_user: Annotated[Id | None, Field(description="The user id; the pod's or the image's if absent.")] = None
    run_as_group: Annotated[Id | None, Field(description="The group id.")] = None
    run_as_non_root: Annotated[bool | None, Field(description="Refuse to start as root.")] = None
    read_only_root_filesystem: Annotated[bool | None, Field(description="Keep the image's files read-only.")] = None
    allow_privilege_escalation: Annotated[
        Literal[False] | None, Field(description="May only be false, and is false if absent.")
    ] = None
    capabilities: Annotated[Capabilities | None, Field(description="All are dropped if absent.")] = None
    seccomp_profile: Annotated[SeccompProfile | None, Field(description="RuntimeDefault if absent.")] = None


class ExecAction(Model):
    """A command in the container."""

    command: Annotated[Command, Field(description="The command and its arguments, without a shell.")]


class SleepAction(Model):
    """A pause."""

    seconds: Annotated[Seconds, Field(description="How long, in seconds.")]


class HttpGetAction(Model):
    """An HTTP request to the container."""

    path: Annotated[Path | None, Field(description="The path.")] = None
    port: Annotated[Port, Field(description="The port.")]
    scheme: Annotated[Literal["HTTP", "HTTPS"] | None, Field(description="HTTP if absent.")] = None


class TcpSocketAction(Model):
    """A TCP connection to the container."""

    port: Annotated[Port, Field(description="The port.")]


class Probe(Model):
    """A check that the kubelet makes: one of exec, httpGet and tcpSocket."""

    exec: Annotated[ExecAction | None, Field(description="A command that must exit with 0.")] = None
    http_get: Annotated[HttpGetAction | None, Field(description="An HTTP request that must succeed.")] = None
    tcp_socket: Annotated[TcpSocketAction | None, Field(description="A connection that must open.")] = None
    initial_delay_seconds: Annotated[
        Seconds | None, Field(description="Seconds before the first check; 0 if absent.")
    ] = None
    period_seconds: Annotated[Times | None, Field(description="Seconds between checks; 10 if absent.")] = None
    timeout_seconds: Annotated[Times | None, Field(description="Seconds for one check; 1 if absent.")] = None
    success_threshold: Annotated[Times | None, Field(description="Successes in a row to pass; 1 if absent.")] = None
    failure_threshold: Annotated[Times | None, Field(description="Failures in a row to fail; 3 if absent.")] = None


class Handler(Model):
    """What happens at that time: one of exec and sleep."""

    exec: Annotated[ExecAction | None, Field(description="A command.")] = None
    sleep: Annotated[SleepAction | None, Field(description="A pause.")] = None


class Lifecycle(Model):
    """What happens around the container's life."""

    post_start: Annotated[
        Handler | None, Field(description="Right after it has started; if this fails, it is stopped.")
    ] = None
    pre_stop: Annotated[Handler | None, Field(description="Before SIGTERM; counts against the grace period.")] = None


class AnyContainer(Model):
    """What containers of every kind have."""

    name: Annotated[DnsLabel, Field(description="The container's name, unique in the pod.")]
    image: Annotated[
        str, Field(min_length=1, max_length=1024, description="The image, such as registry.example/solver:1.4.")
    ]
    image_pull_policy: Annotated[
        Literal["Always", "IfNotPresent", "Never"] | None,
        Field(description="When the image is pulled; Always if absent and the tag is latest, else IfNotPresent."),
    ] = None
    command: Annotated[Command | None, Field(description="In place of the image's entry point.")] = None
    args: Annotated[
        Command | None,
        Field(
            description="Arguments; $(PARAM_NAME) stands for the case's parameter `name`, which each case must have. "
            "$$(PARAM_NAME) is the text itself."
        ),
    ] = None
    working_dir: Annotated[Path | None, Field(description="The working directory.")] = None
    env: Annotated[
        tuple[EnvVar, ...] | None,
        Field(
            max_length=256,
            description="Environment variables, beside those of the case (SIMJOB_, PARAM_); one of the same name "
            "here wins.",
        ),
    ] = None
    env_from: Annotated[
        tuple[EnvFrom, ...] | None,
        Field(max_length=32, description="ConfigMaps and Secrets whose keys become variables."),
    ] = None
    volume_mounts: Annotated[
        tuple[VolumeMount, ...] | None, Field(max_length=64, description="Where volumes appear in it.")
    ] = None
    resources: Annotated[ContainerResources | None, Field(description="What it asks for.")] = None
    security_context: Annotated[SecurityContext | None, Field(description="What its processes may do.")] = None
    ports: Annotated[tuple[ContainerPort, ...] | None, Field(max_length=32, description="Ports it listens on.")] = None
    lifecycle: Annotated[Lifecycle | None, Field(description="What happens when it starts and before it stops.")] = None
    startup_probe: Annotated[
        Probe | None,
        Field(description="Holds the other probes back until it passes; of a sidecar, also the containers after it."),
    ] = None
    readiness_probe: Annotated[Probe | None, Field(description="Whether it is ready.")] = None
    liveness_probe: Annotated[
        Probe | None,
        Field(description="A failed check ends the container: a sidecar is started again, any other fails the case."),
    ] = None


class InitContainer(AnyContainer):
    """A container that runs to its end before the next one starts, or a sidecar, which runs beside the others."""

    model_config = ConfigDict(json_schema_extra=validated(rules.SIDECAR_FIELDS_RULE))

    restart_policy: Annotated[
        Literal["Always"] | None,
        Field(
            description="Always makes it a sidecar: it runs beside the containers, is stopped after them, and decides "
            "nothing about the case. Without it, the next container starts when it has ended."
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

    The case ends when all have ended. It fails if one failed.
    """

    termination_message_path: Annotated[
        Path | None,
        Field(
            description="The file whose text is kept when it ends, at most 4096 bytes, or 12 KiB divided by all "
            "containers of the pod if that is less: that of the first container is the case's result. "
            "/dev/termination-log if absent."
        ),
    ] = None
    termination_message_policy: Annotated[
        Literal["File", "FallbackToLogsOnError"] | None,
        Field(
            description="File keeps that file alone, FallbackToLogsOnError the end of the logs (80 lines, 2048 bytes) "
            "if it is empty and the container failed; File if absent."
        ),
    ] = None
