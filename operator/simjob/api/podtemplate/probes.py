"""The probes and lifecycle handlers of the pod template's containers."""

from typing import Annotated, Literal

from pydantic import Field

from simjob.api.podtemplate.scalars import Command, Path, Port, PositiveInt
from simjob.api.schema import INT32_MAX, Model

Seconds = Annotated[int, Field(ge=0, le=INT32_MAX)]


class ExecAction(Model):
    """A command in the container."""

    command: Annotated[Command, Field(description="Command and its arguments. It does not run in a shell.")]


class SleepAction(Model):
    """A pause."""

    seconds: Annotated[Seconds, Field(description="Length of the pause in seconds.")]


class HttpGetAction(Model):
    """An HTTP request to the container."""

    path: Annotated[Path | None, Field(description="Path of the request. / if absent.")] = None
    port: Port
    scheme: Annotated[Literal["HTTP", "HTTPS"] | None, Field(description="Scheme of the request. HTTP if absent.")] = (
        None
    )


class TcpSocketAction(Model):
    """A TCP connection to the container."""

    port: Port


class Probe(Model):
    """A check by the kubelet: one of exec, httpGet and tcpSocket."""

    exec: Annotated[ExecAction | None, Field(description="Command that must exit with 0.")] = None
    http_get: Annotated[HttpGetAction | None, Field(description="HTTP request that must succeed.")] = None
    tcp_socket: Annotated[TcpSocketAction | None, Field(description="TCP connection that must open.")] = None
    initial_delay_seconds: Annotated[
        Seconds | None, Field(description="Seconds before the first check. 0 if absent.")
    ] = None
    period_seconds: Annotated[PositiveInt | None, Field(description="Seconds between checks. 10 if absent.")] = None
    timeout_seconds: Annotated[PositiveInt | None, Field(description="Seconds that a check may take. 1 if absent.")] = (
        None
    )
    success_threshold: Annotated[
        PositiveInt | None, Field(description="Number of successes in a row to pass. 1 if absent.")
    ] = None
    failure_threshold: Annotated[
        PositiveInt | None, Field(description="Number of failures in a row to fail. 3 if absent.")
    ] = None


class Handler(Model):
    """An action of the kubelet: one of exec and sleep."""

    exec: Annotated[ExecAction | None, Field(description="Command to run in the container.")] = None
    sleep: Annotated[SleepAction | None, Field(description="Pause.")] = None


class Lifecycle(Model):
    """Actions after the start and before the stop of a container."""

    post_start: Annotated[
        Handler | None,
        Field(description="Action right after the container has started. If it fails, the container is stopped."),
    ] = None
    pre_stop: Annotated[
        Handler | None, Field(description="Action before SIGTERM. Its time counts against the grace period.")
    ] = None
