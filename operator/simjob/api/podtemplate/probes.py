"""The probes and lifecycle handlers of the pod template's containers."""

from typing import Annotated, Literal

from pydantic import Field

from simjob.api.schema import INT32_MAX, Model

Port = Annotated[int, Field(ge=1, le=65535, description="Port number.")]
Seconds = Annotated[int, Field(ge=0, le=INT32_MAX)]
Times = Annotated[int, Field(ge=1, le=INT32_MAX)]
Argument = Annotated[str, Field(max_length=32768, description="Argument of the command line.")]
Command = Annotated[tuple[Argument, ...], Field(max_length=512)]
Path = Annotated[str, Field(min_length=1, max_length=1024)]


class ExecAction(Model):
    """A command in the container."""

    command: Annotated[Command, Field(description="Command and its arguments. It does not run in a shell.")]


class SleepAction(Model):
    """A pause."""

    seconds: Annotated[Seconds, Field(description="Length of the pause in seconds.")]


class HttpGetAction(Model):
    """An HTTP request to the container."""

    path: Annotated[Path | None, Field(description="Path of the request. / if absent.")] = None
    port: Annotated[Port, Field(description="Port number.")]
    scheme: Annotated[Literal["HTTP", "HTTPS"] | None, Field(description="Scheme of the request. HTTP if absent.")] = (
        None
    )


class TcpSocketAction(Model):
    """A TCP connection to the container."""

    port: Annotated[Port, Field(description="Port number.")]


class Probe(Model):
    """A check by the kubelet: one of exec, httpGet and tcpSocket."""

    exec: Annotated[ExecAction | None, Field(description="Command that must exit with 0.")] = None
    http_get: Annotated[HttpGetAction | None, Field(description="HTTP request that must succeed.")] = None
    tcp_socket: Annotated[TcpSocketAction | None, Field(description="TCP connection that must open.")] = None
    initial_delay_seconds: Annotated[
        Seconds | None, Field(description="Seconds before the first check. 0 if absent.")
    ] = None
    period_seconds: Annotated[Times | None, Field(description="Seconds between checks. 10 if absent.")] = None
    timeout_seconds: Annotated[Times | None, Field(description="Seconds that a check may take. 1 if absent.")] = None
    success_threshold: Annotated[
        Times | None, Field(description="Number of successes in a row to pass. 1 if absent.")
    ] = None
    failure_threshold: Annotated[
        Times | None, Field(description="Number of failures in a row to fail. 3 if absent.")
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
