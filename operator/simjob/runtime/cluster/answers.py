"""Decode responses of the API server, only the fields that are used."""

from typing import Final, TypeVar

import msgspec

from simjob.core.facts.apiobjects import Meta, Owner
from simjob.runtime.client import errors
from simjob.runtime.cluster.calls import ConfigMap

T = TypeVar("T")


class Version(msgspec.Struct, rename="camel"):
    """The uid and the resourceVersion of an object."""

    uid: str
    resource_version: str


class _Versioned(msgspec.Struct):
    metadata: Version


class _Object(msgspec.Struct):
    metadata: Meta


class _OwnedMeta(Version):
    owner_references: tuple[Owner, ...] = ()
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class _ConfigMap(msgspec.Struct, rename="camel"):
    metadata: _OwnedMeta
    data: dict[str, str] = {}
    # Base64 in JSON.
    binary_data: dict[str, bytes] = {}


class _GroupVersion(msgspec.Struct):
    version: str


class _Group(msgspec.Struct, rename="camel"):
    preferred_version: _GroupVersion


_CONFIG_MAPS: Final = msgspec.json.Decoder(_ConfigMap)
_GROUPS: Final = msgspec.json.Decoder(_Group)
_OBJECTS: Final = msgspec.json.Decoder(_Object)
_VERSIONED: Final = msgspec.json.Decoder(_Versioned)


def decode(decoder: msgspec.json.Decoder[T], answer: bytes) -> T:
    """Return the decoded response; raise UnavailableError if it is not valid JSON or lacks a field."""
    try:
        return decoder.decode(answer)
    except msgspec.DecodeError as trouble:
        raise errors.UnavailableError(f"cannot decode the response of the API server: {trouble}") from trouble


def version(answer: bytes) -> Version:
    """Return the uid and the resourceVersion of an object of any kind, from its JSON."""
    return decode(_VERSIONED, answer).metadata


def preferred_version(answer: bytes) -> str:
    """Return the version of an API group that the API server prefers, from the JSON of the group."""
    return decode(_GROUPS, answer).preferred_version.version


def meta(answer: bytes) -> Meta:
    """Return the metadata of an object of any kind, from its JSON."""
    return decode(_OBJECTS, answer).metadata


def config_map(answer: bytes) -> ConfigMap:
    """Return a ConfigMap from its JSON."""
    found = decode(_CONFIG_MAPS, answer)
    return ConfigMap(
        uid=found.metadata.uid,
        resource_version=found.metadata.resource_version,
        owners=found.metadata.owner_references,
        labels=found.metadata.labels,
        annotations=found.metadata.annotations,
        data=found.data,
        binary=found.binary_data,
    )
