"""The volumes of the pod template's allow-list: what Pod Security `restricted` allows, without projected tokens.

https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
"""

from typing import Annotated, Final, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from simjob.api.crd import rules
from simjob.api.podtemplate.containers import FieldRef, Key, Path, ResourceFieldRef
from simjob.api.resources import Quantity
from simjob.api.schema import DnsLabel, Model, ObjectName, Opaque, Word, validated

Mode = Annotated[int, Field(ge=0, le=0o777)]

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
    """A key and the file that it becomes."""

    key: Annotated[Key, Field(description="The key.")]
    path: Annotated[Path, Field(description="The file, relative to the mount.")]
    mode: Annotated[Mode | None, Field(description="Permission bits as a decimal number, such as 256 for 0400.")] = None


class EmptyDir(Model):
    """A folder that goes with the pod."""

    medium: Annotated[
        Literal["", "Memory"] | None,
        Field(description="Memory for a RAM disk, which counts as the containers' memory; the node's disk if absent."),
    ] = None
    size_limit: Annotated[
        Quantity | None, Field(description="How large it may grow, such as '1Gi'; no limit if absent.")
    ] = None


class ConfigMapVolume(Model):
    """A ConfigMap's keys as files."""

    name: Annotated[ObjectName, Field(description="The ConfigMap.")]
    items: Annotated[
        tuple[KeyToPath, ...] | None, Field(max_length=256, description="Only these keys; all if absent.")
    ] = None
    default_mode: Annotated[
        Mode | None, Field(description="Permission bits as a decimal number, such as 256 for 0400.")
    ] = None
    optional: Annotated[bool | None, Field(description="Whether it may be missing.")] = None


class SecretVolume(Model):
    """A Secret's keys as files."""

    secret_name: Annotated[ObjectName, Field(description="The Secret.")]
    items: Annotated[
        tuple[KeyToPath, ...] | None, Field(max_length=256, description="Only these keys; all if absent.")
    ] = None
    default_mode: Annotated[
        Mode | None, Field(description="Permission bits as a decimal number, such as 256 for 0400.")
    ] = None
    optional: Annotated[bool | None, Field(description="Whether it may be missing.")] = None


class ClaimVolume(Model):
    """A persistent volume."""

    claim_name: Annotated[ObjectName, Field(description="The PersistentVolumeClaim.")]
    read_only: Annotated[bool | None, Field(description="Mount it read-only.")] = None


class PodFile(Model):
    """A file with a field of the pod or a request or limit in it."""

    path: Annotated[Path, Field(description="The file, relative to the mount.")]
    field_ref: Annotated[FieldRef | None, Field(description="A field of the pod.")] = None
    resource_field_ref: Annotated[ResourceFieldRef | None, Field(description="A request or limit.")] = None
    mode: Annotated[Mode | None, Field(description="Permission bits as a decimal number, such as 256 for 0400.")] = None


class PodVolume(Model):
    """Fields of the pod as files."""

    items: Annotated[tuple[PodFile, ...] | None, Field(max_length=64, description="The files.")] = None
    default_mode: Annotated[
        Mode | None, Field(description="Permission bits as a decimal number, such as 256 for 0400.")
    ] = None


class EphemeralVolume(Model):
    """A persistent volume that is made for the pod and goes with it."""

    volume_claim_template: Annotated[Opaque, Field(description="The PersistentVolumeClaim to make.")]


class SecretRef(Model):
    """A Secret in the same namespace."""

    name: Annotated[ObjectName, Field(description="The Secret.")]


class CsiVolume(Model):
    """A volume that a CSI driver makes for the pod."""

    driver: Annotated[Word, Field(description="The driver.")]
    read_only: Annotated[bool | None, Field(description="Mount it read-only.")] = None
    fs_type: Annotated[Word | None, Field(description="The file system.")] = None
    volume_attributes: Annotated[
        dict[str, Annotated[str, Field(max_length=1024, description="An attribute's value.")]] | None,
        Field(max_length=32, description="Attributes for the driver."),
    ] = None
    node_publish_secret_ref: Annotated[SecretRef | None, Field(description="The driver's Secret.")] = None


class ImageVolume(Model):
    """An image's files, read-only."""

    reference: Annotated[
        str, Field(min_length=1, max_length=1024, description="The image, such as registry.example/mesh:1.")
    ]
    pull_policy: Annotated[
        Literal["Always", "IfNotPresent", "Never"] | None,
        Field(description="When the image is pulled; Always if absent and the tag is latest, else IfNotPresent."),
    ] = None


class Volume(Model):
    """A volume: a name and exactly one source."""

    model_config = ConfigDict(json_schema_extra=validated(rules.one_source_rule(SOURCES, rules.ONE_VOLUME_SOURCE)))

    name: Annotated[DnsLabel, Field(description="The name that mounts use, unique in the pod.")]
    empty_dir: Annotated[EmptyDir | None, Field(description="A folder that goes with the pod.")] = None
    config_map: Annotated[ConfigMapVolume | None, Field(description="A ConfigMap's keys as files.")] = None
    secret: Annotated[SecretVolume | None, Field(description="A Secret's keys as files.")] = None
    persistent_volume_claim: Annotated[ClaimVolume | None, Field(description="A persistent volume.")] = None
    downward_api: Annotated[PodVolume | None, Field(alias="downwardAPI", description="Fields of the pod as files.")] = (
        None
    )
    ephemeral: Annotated[EphemeralVolume | None, Field(description="A persistent volume made for the pod.")] = None
    csi: Annotated[CsiVolume | None, Field(description="A volume that a CSI driver makes.")] = None
    image: Annotated[ImageVolume | None, Field(description="An image's files.")] = None

    @model_validator(mode="after")
    def _has_one_source(self) -> Self:
        sources = self.model_fields_set - {"name"}
        if len(sources) != 1:
            raise ValueError(rules.ONE_VOLUME_SOURCE)
        return self
