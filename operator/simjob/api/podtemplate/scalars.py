"""Fields that several parts of the pod template share: bounded numbers and texts, and choices with a description."""

from typing import Annotated, Literal

from pydantic import Field

from simjob.api.schema import INT32_MAX

PositiveInt = Annotated[int, Field(ge=1, le=INT32_MAX)]
Port = Annotated[int, Field(ge=1, le=65535, description="Port number.")]
Path = Annotated[str, Field(min_length=1, max_length=1024)]
Argument = Annotated[str, Field(max_length=32768, description="Argument of the command line.")]
Command = Annotated[tuple[Argument, ...], Field(max_length=512)]
Key = Annotated[str, Field(min_length=1, max_length=253, description="Key of the ConfigMap or Secret.")]
PullPolicy = Annotated[
    Literal["Always", "IfNotPresent", "Never"] | None,
    Field(description="When to pull the image. If absent: Always for the tag `latest`, otherwise IfNotPresent."),
]
ReadOnly = Annotated[bool | None, Field(description="Whether it is mounted read-only. False if absent.")]
