"""The allow-list of the pod template's volumes: those of Pod Security `restricted`, without projected volumes.

https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
"""

from typing import Annotated, Final, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from simjob.api.crd import rules
from simjob.api.podtemplate.environment import FieldRef, ResourceFieldRef
from simjob.api.podtemplate.scalars import Key, Path, PullPolicy, ReadOnly
from simjob.api.resources import Quantity
from simjob.api.schema import DnsLabel, Model, ObjectName, Opaque, Word, validated

Mode = Annotated[
    int | None, Field(ge=0, le=0o777, description="Permission bits as a decimal number, such as 256 for 0400.")
]
FilePath = Annotated[Path, Field(description="Path of the file, relative to the mount.")]

SOURCES: Final = (
    "emptyDir",
    "configMap",
    "secret",
    "persistentVolumeClaim",
    "downwardAPI",
    "ephemeral",
    "csi",
    "image",
)


class KeyToPath(Model):
    """A key and the file that holds its value."""

    key: Key
    path: FilePath
    mode: Mode = None


Items = Annotated[tuple[KeyToPath, ...] | None, Field(max_length=256, description="Keys to mount. All keys if absent.")]
MayBeMissing = Annotated[
    bool | None, Field(description="Whether the pod starts if the object or a key is missing. False if absent.")
]


class EmptyDir(Model):
    """An empty directory that is deleted with the pod."""

    medium: Annotated[
        Literal["", "Memory"] | None,
        Field(
            description="Medium that holds the files. Memory is a RAM disk, and counts against the memory limit of the "
            "containers. The node's disk if absent."
        ),
    ] = None
    size_limit: Annotated[Quantity | None, Field(description="Maximum size, such as '1Gi'. No limit if absent.")] = None


class ConfigMapVolume(Model):
    """The keys of a ConfigMap as files."""

    name: Annotated[ObjectName, Field(description="Name of the ConfigMap.")]
    items: Items = None
    default_mode: Mode = None
    optional: MayBeMissing = None


class SecretVolume(Model):
    """The keys of a Secret as files."""

    secret_name: Annotated[ObjectName, Field(description="Name of the Secret.")]
    items: Items = None
    default_mode: Mode = None
    optional: MayBeMissing = None


class ClaimVolume(Model):
    """A persistent volume."""

    claim_name: Annotated[ObjectName, Field(description="Name of the PersistentVolumeClaim, in the same namespace.")]
    read_only: ReadOnly = None


class PodFile(Model):
    """A file that holds a field of the pod, or a request or limit of a container."""

    path: FilePath
    field_ref: Annotated[FieldRef | None, Field(description="Field of the pod.")] = None
    resource_field_ref: Annotated[ResourceFieldRef | None, Field(description="Request or limit of a container.")] = None
    mode: Mode = None


class PodVolume(Model):
    """Fields of the pod as files."""

    items: Annotated[tuple[PodFile, ...] | None, Field(max_length=64, description="Files of the volume.")] = None
    default_mode: Mode = None


class EphemeralVolume(Model):
    """A persistent volume that is created for the pod and deleted with it."""

    volume_claim_template: Annotated[
        Opaque, Field(description="Template of the PersistentVolumeClaim to create. Passed on to the pod as written.")
    ]


class SecretRef(Model):
    """A Secret in the same namespace."""

    name: Annotated[ObjectName, Field(description="Name of the Secret.")]


class CsiVolume(Model):
    """A volume that a CSI driver provides for the pod."""

    driver: Annotated[Word, Field(description="Name of the CSI driver.")]
    read_only: ReadOnly = None
    fs_type: Annotated[Word | None, Field(description="File system, such as ext4. The driver's default if absent.")] = (
        None
    )
    volume_attributes: Annotated[
        dict[str, Annotated[str, Field(max_length=1024, description="Value of an attribute.")]] | None,
        Field(max_length=32, description="Attributes that the driver reads."),
    ] = None
    node_publish_secret_ref: Annotated[
        SecretRef | None, Field(description="Secret that the driver needs to mount the volume.")
    ] = None


class ImageVolume(Model):
    """The files of an image, read-only."""

    reference: Annotated[
        str, Field(min_length=1, max_length=1024, description="Image, such as registry.example/mesh:1.")
    ]
    pull_policy: PullPolicy = None


class Volume(Model):
    """A volume: a name and exactly one source."""

    model_config = ConfigDict(json_schema_extra=validated(rules.one_source_rule(SOURCES, rules.ONE_VOLUME_SOURCE)))

    name: Annotated[DnsLabel, Field(description="Name of the volume, unique in the pod. `volumeMounts` refer to it.")]
    empty_dir: Annotated[EmptyDir | None, Field(description="Empty directory that is deleted with the pod.")] = None
    config_map: Annotated[ConfigMapVolume | None, Field(description="Keys of a ConfigMap as files.")] = None
    secret: Annotated[SecretVolume | None, Field(description="Keys of a Secret as files.")] = None
    persistent_volume_claim: Annotated[ClaimVolume | None, Field(description="Persistent volume.")] = None
    downward_api: Annotated[PodVolume | None, Field(alias="downwardAPI", description="Fields of the pod as files.")] = (
        None
    )
    ephemeral: Annotated[
        EphemeralVolume | None,
        Field(description="Persistent volume that is created for the pod and deleted with it."),
    ] = None
    csi: Annotated[CsiVolume | None, Field(description="Volume that a CSI driver provides for the pod.")] = None
    image: Annotated[ImageVolume | None, Field(description="Files of an image, read-only.")] = None

    @model_validator(mode="after")
    def _has_one_source(self) -> Self:
        sources = self.model_fields_set - {"name"}
        if len(sources) != 1:
            raise ValueError(rules.ONE_VOLUME_SOURCE)
        return self
