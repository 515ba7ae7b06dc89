"""The environment variables of the pod template's containers: values, and where they come from."""

from typing import Annotated, Literal

from pydantic import Field

from simjob.api.podtemplate.scalars import Key
from simjob.api.resources import Quantity
from simjob.api.schema import DnsLabel, Model, ObjectName, Word


class KeyRef(Model):
    """A key of a ConfigMap or Secret in the same namespace."""

    name: Annotated[ObjectName, Field(description="Name of the ConfigMap or Secret.")]
    key: Key
    optional: Annotated[
        bool | None,
        Field(description="Whether the container starts if the object or the key is missing. False if absent."),
    ] = None


class FieldRef(Model):
    """A field of the pod."""

    api_version: Annotated[
        Literal["v1"] | None, Field(description="API version of the pod for `fieldPath`. v1 if absent.")
    ] = None
    field_path: Annotated[
        str, Field(min_length=1, max_length=512, description="Path of the field, such as metadata.name.")
    ]


class ResourceFieldRef(Model):
    """A request or limit of a container."""

    container_name: Annotated[
        DnsLabel | None,
        Field(description="Name of the container. Required in volumes; in variables, this container if absent."),
    ] = None
    resource: Annotated[
        str, Field(min_length=1, max_length=253, description="Request or limit, such as limits.memory.")
    ]
    divisor: Annotated[Quantity | None, Field(description="Unit of the result, such as '1Mi'. '1' if absent.")] = None


class EnvSource(Model):
    """The source of a variable's value: one of the fields."""

    config_map_key_ref: Annotated[KeyRef | None, Field(description="Key of a ConfigMap.")] = None
    secret_key_ref: Annotated[KeyRef | None, Field(description="Key of a Secret.")] = None
    field_ref: Annotated[FieldRef | None, Field(description="Field of the pod.")] = None
    resource_field_ref: Annotated[ResourceFieldRef | None, Field(description="Request or limit of a container.")] = None


class EnvVar(Model):
    """An environment variable."""

    name: Annotated[str, Field(min_length=1, max_length=253, description="Name of the variable.")]
    value: Annotated[
        str | None,
        Field(
            max_length=32768,
            description="Value of the variable. $(OTHER) is replaced by the value of the earlier variable OTHER. Empty "
            "if absent.",
        ),
    ] = None
    value_from: Annotated[
        EnvSource | None, Field(description="Source of the value. Cannot be used together with `value`.")
    ] = None


class EnvRef(Model):
    """A ConfigMap or Secret in the same namespace."""

    name: Annotated[ObjectName, Field(description="Name of the ConfigMap or Secret.")]
    optional: Annotated[
        bool | None, Field(description="Whether the container starts if the object is missing. False if absent.")
    ] = None


class EnvFrom(Model):
    """All keys of a ConfigMap or Secret as environment variables."""

    prefix: Annotated[Word | None, Field(description="Text in front of each key.")] = None
    config_map_ref: Annotated[EnvRef | None, Field(description="ConfigMap with the variables.")] = None
    secret_ref: Annotated[EnvRef | None, Field(description="Secret with the variables.")] = None
