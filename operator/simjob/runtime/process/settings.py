"""The operator's settings: environment variables SIMJOB_* and flags of the same names.

The address of the API server and the credentials come from $KUBECONFIG or from the pod, as for every Kubernetes client.
"""

import os
import secrets
import socket
from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic_settings import BaseSettings, CliApp, NoDecode, SettingsConfigDict

REFUSAL_SECONDS: Final = 120.0


def _identity(given: str) -> str:
    # Without the random part, a restarted container would treat the Lease of its earlier run as its own.
    return given or f"{socket.gethostname()}_{secrets.token_hex(4)}"


def _namespace(given: str) -> str:
    return given or os.environ.get("POD_NAMESPACE") or "simjob-system"


def _split(value: Any) -> Any:
    if isinstance(value, str):
        value = [value]
    return [part.strip() for text in value for part in str(text).split(",") if part.strip()]


class Settings(BaseSettings):
    """Runs the SimulationJob operator. Every flag is also an environment variable, such as SIMJOB_WORKERS."""

    model_config = SettingsConfigDict(
        env_prefix="SIMJOB_",
        frozen=True,
        validate_default=True,
        cli_prog_name="python -m simjob",
        cli_kebab_case=True,
        cli_implicit_flags=True,
    )

    namespaces: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)] = Field(
        default=(),
        description="Namespaces to serve, as a comma-separated list. Empty: all. The RBAC rules must match.",
    )
    workers: int = Field(
        default=16,
        ge=1,
        le=256,
        description="Number of SimulationJobs that are reconciled at the same time. More need more memory and CPU.",
    )
    max_requests: int = Field(
        default=128,
        ge=4,
        le=1024,
        description="Concurrent requests to the API server, not counting watches and the Lease. Creations get at most "
        "half of them, and fewer when the API server is slow or responds with 429.",
    )
    leader_election: bool = Field(
        default=True,
        description="Acquire a Lease before working, so that only one of several replicas works. "
        "Turn it off only to run a single operator by hand.",
    )
    lease_namespace: Annotated[str, AfterValidator(_namespace)] = Field(
        default="", description="Namespace of the Lease. Empty: $POD_NAMESPACE, otherwise simjob-system."
    )
    lease_name: str = Field(
        default="simjob-operator",
        min_length=1,
        description="Name of the Lease. Two operators that serve different namespaces need different names.",
    )
    lease_duration_seconds: float = Field(
        default=15,
        ge=1,
        description="How long followers wait after the last renewal before one of them takes over.",
    )
    lease_renew_deadline_seconds: float = Field(
        default=10,
        gt=0,
        description="A leader that cannot renew its Lease for this long stops its work and competes again. One "
        "request may take half of this time. If the work does not stop in time, the process exits.",
    )
    lease_retry_seconds: float = Field(
        default=2,
        gt=0,
        description="Time between two requests for the Lease. After a request that takes longer, the next follows "
        "almost at once.",
    )
    identity: Annotated[str, AfterValidator(_identity)] = Field(
        default="",
        description="Name of this replica in the Lease; it must be unique. Empty: host name and a random part.",
    )
    health_host: str = Field(default="", description="Address on which /healthz and /readyz listen. Empty: all.")
    health_port: int = Field(
        default=8080, ge=0, le=65535, description="Port of /healthz and /readyz. 0: any free port."
    )
    log_format: Literal["json", "text"] = Field(
        default="json", description="Log format: one JSON object per line, or text for people."
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="The lowest level that is logged."
    )
    attribution: bool = Field(
        default=False,
        description="Whether the attribution component is installed. If so, the status names the user who cancelled. "
        "Otherwise it says where the name comes from, because any client can have written it.",
    )
    resync_seconds: float = Field(
        default=300,
        ge=1,
        description="Time between two lists of all SimulationJobs. They find changes that the watch has missed.",
    )

    refusal_seconds: float = Field(
        default=REFUSAL_SECONDS,
        ge=0,
        description="How long the API server must reject the Jobs or pods of a new SimulationJob as invalid before "
        "the SimulationJob is FAILED. Once one of its pods was accepted, rejections never end it.",
    )

    @model_validator(mode="after")
    def _lease_times_fit(self) -> "Settings":
        if not self.lease_retry_seconds < self.lease_renew_deadline_seconds < self.lease_duration_seconds:
            raise ValueError(
                "the times of the Lease must be in this order: lease_retry_seconds < lease_renew_deadline_seconds"
                " < lease_duration_seconds"
            )
        return self


def load(argv: Sequence[str]) -> Settings:
    """Return the settings: from flags, otherwise from the environment, otherwise the defaults.

    For --help and for invalid flags, print a text and exit.
    """
    return CliApp.run(Settings, cli_args=list(argv))
