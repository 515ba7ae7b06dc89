"""The allow-list of the pod template. The API server rejects fields that are not here.

The operator passes the template on as written: `Template.to_api(as_given=True)`.
"""

from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from simjob.api.crd import rules
from simjob.api.podtemplate import podannotations
from simjob.api.podtemplate.containers import Container, Id, InitContainer, SeccompProfile
from simjob.api.podtemplate.scalars import PositiveInt
from simjob.api.podtemplate.volumes import SecretRef, Volume
from simjob.api.schema import (
    ATOMIC,
    INT64_MAX,
    LabelValue,
    Line,
    Model,
    ObjectName,
    Opaque,
    Word,
    require_unique,
    validated,
)

Labels = Annotated[dict[str, LabelValue], Field(max_length=64)]
Annotations = Annotated[dict[str, Line], Field(max_length=64)]


class PodMetadata(Model):
    """Labels and annotations."""

    labels: Annotated[
        Labels | None,
        Field(description="Labels of the Jobs and pods. The operator sets those that begin with simjob.dev/ itself."),
    ] = None
    annotations: Annotated[
        Annotations | None,
        Field(
            description="Annotations of the Jobs and pods. The operator sets those that begin with simjob.dev/ itself. "
            "Some keys are refused, because they disable AppArmor or seccomp, or configure the container runtime: "
            f"those that begin with {', '.join(podannotations.PREFIXES)}, "
            f"and those that contain {', '.join(podannotations.DOMAINS)}.",
            json_schema_extra=validated(rules.RUNTIME_ANNOTATIONS_RULE),
        ),
    ] = None


class PodSecurityContext(Model):
    """Security settings for all containers of the pod."""

    run_as_user: Annotated[Id | None, Field(description="User ID of the processes. That of the image if absent.")] = (
        None
    )
    run_as_group: Annotated[
        Id | None, Field(description="Primary group ID of the processes. The container runtime's default if absent.")
    ] = None
    run_as_non_root: Annotated[
        bool | None, Field(description="If true, a container that would run as root does not start.")
    ] = None
    fs_group: Annotated[
        Id | None, Field(description="Group ID that owns the files of volumes. The processes belong to it, too.")
    ] = None
    fs_group_change_policy: Annotated[
        Literal["OnRootMismatch", "Always"] | None,
        Field(
            description="When the owner of files in volumes is set to `fsGroup`: only if the volume's root differs, or "
            "always. Always if absent."
        ),
    ] = None
    supplemental_groups: Annotated[
        tuple[Id, ...] | None, Field(max_length=32, description="Additional group IDs of the processes.")
    ] = None
    seccomp_profile: Annotated[
        SeccompProfile | None, Field(description="Seccomp profile of the containers. RuntimeDefault if absent.")
    ] = None


class Toleration(Model):
    """A taint that the pod tolerates: it may run on nodes with the taint."""

    key: Annotated[Word | None, Field(description="Key of the taint. All keys if absent.")] = None
    operator: Annotated[
        Literal["Exists", "Equal"] | None,
        Field(description="Exists: any value matches. Equal: only `value` matches. Equal if absent."),
    ] = None
    value: Annotated[LabelValue | None, Field(description="Value of the taint.")] = None
    effect: Annotated[
        Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None,
        Field(description="Effect of the taint. All effects if absent."),
    ] = None
    toleration_seconds: Annotated[
        int | None,
        Field(ge=0, le=INT64_MAX, description="Seconds that the pod tolerates a NoExecute taint. No limit if absent."),
    ] = None


class DnsOption(Model):
    """An option of the DNS resolver."""

    name: Annotated[Word, Field(description="Name of the option.")]
    value: Annotated[Word | None, Field(description="Value of the option.")] = None


class DnsConfig(Model):
    """Additions to the DNS configuration of the pod."""

    nameservers: Annotated[
        tuple[Word, ...] | None, Field(max_length=3, description="IP addresses of name servers.")
    ] = None
    searches: Annotated[tuple[Word, ...] | None, Field(max_length=32, description="Search domains for host names.")] = (
        None
    )
    options: Annotated[tuple[DnsOption, ...] | None, Field(max_length=16, description="Options of the resolver.")] = (
        None
    )


class PodSpec(Model):
    """The spec of the pod."""

    model_config = ConfigDict(json_schema_extra=validated(rules.CONTAINERS_UNIQUE_RULE))

    containers: Annotated[
        tuple[Container, ...],
        Field(
            min_length=1,
            max_length=8,
            description="Containers of the pod. The first one is the simulation.",
        ),
    ]
    init_containers: Annotated[
        tuple[InitContainer, ...] | None,
        Field(
            max_length=8,
            description="Containers that start in order before `containers`. Each starts when the previous one has "
            "ended or, if that is a sidecar, has started.",
        ),
    ] = None
    volumes: Annotated[
        tuple[Volume, ...] | None,
        Field(
            max_length=64,
            description="Volumes that the containers can mount.",
            json_schema_extra=validated(rules.VOLUMES_UNIQUE_RULE),
        ),
    ] = None
    image_pull_secrets: Annotated[
        tuple[SecretRef, ...] | None,
        Field(max_length=16, description="Secrets with the credentials of private image registries."),
    ] = None
    restart_policy: Annotated[
        Literal["Never"] | None,
        Field(
            description="Restart policy. Must be Never: the operator creates a new pod for a retry. Never if absent."
        ),
    ] = None
    node_selector: Annotated[Labels | None, Field(description="Labels that the node must have.")] = None
    affinity: Annotated[
        Opaque | None, Field(description="Affinity to nodes and pods. Passed on to the pod as written.")
    ] = None
    tolerations: Annotated[
        tuple[Toleration, ...] | None, Field(max_length=64, description="Taints that the pod tolerates.")
    ] = None
    topology_spread_constraints: Annotated[
        tuple[Opaque, ...] | None,
        Field(
            max_length=16,
            description="How pods are spread over zones, nodes or other topologies. Passed on to the pod as written.",
        ),
    ] = None
    service_account_name: Annotated[
        ObjectName | None, Field(description="ServiceAccount, in the same namespace. `default` if absent.")
    ] = None
    automount_service_account_token: Annotated[
        bool | None,
        Field(description="Whether the token of the ServiceAccount is mounted into the containers. False if absent."),
    ] = None
    security_context: Annotated[
        PodSecurityContext | None, Field(description="Security settings for all containers of the pod.")
    ] = None
    termination_grace_period_seconds: Annotated[
        PositiveInt | None,
        # Not 0: the pod object would be removed while its containers run, and nobody could know when they have stopped.
        Field(description="Seconds between SIGTERM and SIGKILL when the pod is stopped, also on cancel. 30 if absent."),
    ] = None
    runtime_class_name: Annotated[
        ObjectName | None,
        Field(description="RuntimeClass, such as nvidia. The node's default container runtime if absent."),
    ] = None
    scheduler_name: Annotated[
        Word | None, Field(description="Scheduler of the pod. The default scheduler if absent.")
    ] = None
    dns_policy: Annotated[
        Literal["ClusterFirst", "Default", "None"] | None,
        Field(description="DNS policy of the pod. ClusterFirst if absent."),
    ] = None
    dns_config: Annotated[
        DnsConfig | None,
        Field(description="Additions to the DNS configuration. With dnsPolicy None, this is the whole configuration."),
    ] = None
    share_process_namespace: Annotated[
        bool | None, Field(description="Whether containers can see each other's processes. False if absent.")
    ] = None
    resource_claims: Annotated[
        tuple[Opaque, ...] | None,
        Field(
            max_length=16,
            description="Claims of devices (Dynamic Resource Allocation). Passed on to the pod as written.",
        ),
    ] = None
    enable_service_links: Annotated[
        bool | None,
        Field(description="Whether environment variables describe the Services of the namespace. True if absent."),
    ] = None

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        containers = (*self.containers, *(self.init_containers or ()))
        require_unique((container.name for container in containers), rules.CONTAINERS_UNIQUE)
        require_unique((volume.name for volume in self.volumes or ()), rules.VOLUMES_UNIQUE)
        return self


class Template(Model):
    """The template of the pod that runs a case."""

    model_config = ConfigDict(json_schema_extra=dict(ATOMIC))

    metadata: Annotated[
        PodMetadata | None,
        Field(
            description="Labels and annotations of the Jobs and pods. "
            "`spec.queueName`, `spec.queuePriorityClassName` and `spec.queueMaxExecTimeSeconds` replace the labels "
            "queue-name, priority-class and max-exec-time-seconds of kueue.x-k8s.io."
        ),
    ] = None
    spec: Annotated[PodSpec, Field(description="Spec of the pod: the fields that a case's pod may have.")]
