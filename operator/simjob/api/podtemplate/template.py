"""The pod template's allow-list: what a case's pod may say. What is not here, the API server refuses.

The operator passes the template on as written: `Template.to_api(as_given=True)`.
"""

from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from simjob.api.crd import rules
from simjob.api.podtemplate import podannotations
from simjob.api.podtemplate.containers import Container, Id, InitContainer, SeccompProfile, Times
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

    labels: Annotated[Labels | None, Field(description="Labels; those of simjob.dev are the operator's.")] = None
    annotations: Annotated[
        Annotations | None,
        Field(
            description="Annotations; those of simjob.dev are the operator's. Refused, because they switch off "
            "AppArmor or seccomp, or steer the container runtime: keys that begin with "
            f"{', '.join(podannotations.PREFIXES)}, "
            f"and keys that hold {', '.join(podannotations.DOMAINS)}.",
            json_schema_extra=validated(rules.RUNTIME_ANNOTATIONS_RULE),
        ),
    ] = None


class PodSecurityContext(Model):
    """What the pod's processes may do."""

    run_as_user: Annotated[Id | None, Field(description="The user id; the image's if absent.")] = None
    run_as_group: Annotated[Id | None, Field(description="The group id.")] = None
    run_as_non_root: Annotated[bool | None, Field(description="Refuse to start as root.")] = None
    fs_group: Annotated[Id | None, Field(description="The group that volumes belong to.")] = None
    fs_group_change_policy: Annotated[
        Literal["OnRootMismatch", "Always"] | None, Field(description="When the volumes' owner is changed.")
    ] = None
    supplemental_groups: Annotated[
        tuple[Id, ...] | None, Field(max_length=32, description="Further groups of the processes.")
    ] = None
    seccomp_profile: Annotated[SeccompProfile | None, Field(description="RuntimeDefault if absent.")] = None


class Toleration(Model):
    """A taint of nodes that does not keep the pod away."""

    key: Annotated[Word | None, Field(description="The taint's key; all if absent.")] = None
    operator: Annotated[Literal["Exists", "Equal"] | None, Field(description="Equal if absent.")] = None
    value: Annotated[LabelValue | None, Field(description="The taint's value.")] = None
    effect: Annotated[
        Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None, Field(description="All if absent.")
    ] = None
    toleration_seconds: Annotated[
        int | None, Field(ge=0, le=INT64_MAX, description="How long NoExecute is tolerated; without end if absent.")
    ] = None


class DnsOption(Model):
    """An option of the resolver."""

    name: Annotated[Word, Field(description="The option.")]
    value: Annotated[Word | None, Field(description="Its value.")] = None


class DnsConfig(Model):
    """What is added to the resolver's configuration."""

    nameservers: Annotated[tuple[Word, ...] | None, Field(max_length=3, description="Name servers.")] = None
    searches: Annotated[tuple[Word, ...] | None, Field(max_length=32, description="Search domains.")] = None
    options: Annotated[tuple[DnsOption, ...] | None, Field(max_length=16, description="Resolver options.")] = None


class PodSpec(Model):
    """The pod."""

    model_config = ConfigDict(json_schema_extra=validated(rules.CONTAINERS_UNIQUE_RULE))

    containers: Annotated[
        tuple[Container, ...],
        Field(
            min_length=1,
            max_length=8,
            description="The containers; the first one is the simulation.",
        ),
    ]
    init_containers: Annotated[
        tuple[InitContainer, ...] | None,
        Field(
            max_length=8,
            description="Containers that start one after the other before the others: each when the one before has "
            "ended or, if that is a sidecar, has started.",
        ),
    ] = None
    volumes: Annotated[
        tuple[Volume, ...] | None,
        Field(
            max_length=64,
            description="Volumes that containers can mount.",
            json_schema_extra=validated(rules.VOLUMES_UNIQUE_RULE),
        ),
    ] = None
    image_pull_secrets: Annotated[
        tuple[SecretRef, ...] | None, Field(max_length=16, description="Secrets for private registries.")
    ] = None
    restart_policy: Annotated[
        Literal["Never"] | None, Field(description="May only be Never: the operator makes a new pod for a retry.")
    ] = None
    node_selector: Annotated[Labels | None, Field(description="Labels that the node must have.")] = None
    affinity: Annotated[
        Opaque | None, Field(description="Affinity to nodes and pods, as in a pod; passed on as written.")
    ] = None
    tolerations: Annotated[
        tuple[Toleration, ...] | None, Field(max_length=64, description="Taints that do not keep the pod away.")
    ] = None
    topology_spread_constraints: Annotated[
        tuple[Opaque, ...] | None, Field(max_length=16, description="As in a pod; passed on as written.")
    ] = None
    service_account_name: Annotated[
        ObjectName | None, Field(description="The ServiceAccount, in the same namespace; `default` if absent.")
    ] = None
    automount_service_account_token: Annotated[
        bool | None, Field(description="Give the containers the account's token; false if absent.")
    ] = None
    security_context: Annotated[PodSecurityContext | None, Field(description="What its processes may do.")] = None
    termination_grace_period_seconds: Annotated[
        Times | None,
        # 0 would remove the pod object while its containers still run: nothing could say truly that they have stopped.
        Field(description="Seconds between SIGTERM and SIGKILL, on cancel too; 30 if absent."),
    ] = None
    runtime_class_name: Annotated[ObjectName | None, Field(description="The RuntimeClass, such as nvidia.")] = None
    scheduler_name: Annotated[Word | None, Field(description="The scheduler, if not the default one.")] = None
    dns_policy: Annotated[
        Literal["ClusterFirst", "Default", "None"] | None, Field(description="ClusterFirst if absent.")
    ] = None
    dns_config: Annotated[
        DnsConfig | None,
        Field(description="What is added to the resolver's configuration; with dnsPolicy None it is all of it."),
    ] = None
    share_process_namespace: Annotated[bool | None, Field(description="Let containers see each other's processes.")] = (
        None
    )
    resource_claims: Annotated[
        tuple[Opaque, ...] | None,
        Field(max_length=16, description="Claims of devices (DRA), as in a pod; passed on as written."),
    ] = None
    enable_service_links: Annotated[bool | None, Field(description="Variables for each Service; true if absent.")] = (
        None
    )

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        containers = (*self.containers, *(self.init_containers or ()))
        require_unique((container.name for container in containers), rules.CONTAINERS_UNIQUE)
        require_unique((volume.name for volume in self.volumes or ()), rules.VOLUMES_UNIQUE)
        return self


class Template(Model):
    """The pod that runs a case."""

    model_config = ConfigDict(json_schema_extra=dict(ATOMIC))

    metadata: Annotated[
        PodMetadata | None,
        Field(
            description="Labels and annotations of the Jobs and the pods; "
            "`spec.queueName` wins over the label kueue.x-k8s.io/queue-name."
        ),
    ] = None
    spec: Annotated[PodSpec, Field(description="The pod: those fields of a pod that a case may have.")]
