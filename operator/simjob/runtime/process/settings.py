"""What the operator can be told from outside: environment variables SIMJOB_* and flags of the same names.

Where the API server is and who the operator is comes from $KUBECONFIG or the pod, as for every Kubernetes client.
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
    # The random part keeps a restarted container from taking its own earlier Lease for its own.
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
        default=(), description="Namespaces to serve, in one list with commas. Empty: all. The RBAC rules must fit."
    )
    workers: int = Field(
        default=16,
        ge=1,
        le=256,
        description="SimulationJobs that are worked on at the same time. More of them need more memory and CPU.",
    )
    max_requests: int = Field(
        default=128,
        ge=4,
        le=1024,
        description="Requests to the API server at the same time, without the watches and the Lease. Creations get "
        "half of them at most, and fewer where the API server takes long or answers 429.",
    )
    leader_election: bool = Field(
        default=True,
        description="Take a Lease before working, so that of several replicas only one works. "
        "Turn it off only to run a single operator by hand.",
    )
    lease_namespace: Annotated[str, AfterValidator(_namespace)] = Field(
        default="", description="Namespace of the Lease. Empty: $POD_NAMESPACE, else simjob-system."
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
        description="A leader that could not renew its Lease for this long stops its work and competes again. One "
        "request may take half of it. If the work does not stop in time, the process ends.",
    )
    lease_retry_seconds: float = Field(
        default=2,
        gt=0,
        description="Time between two requests for the Lease; one that takes longer is followed by the next at once.",
    )
    identity: Annotated[str, AfterValidator(_identity)] = Field(
        default="",
        description="Name of this replica in the Lease; no two may have the same. Empty: host name and a random part.",
    )
    health_host: str = Field(default="", description="Address that /healthz and /readyz listen at. Empty: all.")
    health_port: int = Field(default=8080, ge=0, le=65535, description="Port of /healthz and /readyz. 0: any free one.")
    log_format: Literal["json", "text"] = Field(
        default="json", description="Logs as one JSON object a line, or as text for human eyes."
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="The least important lines that are logged."
    )
    attribution: bool = Field(
        default=False,
        description="Whether the component attribution is installed. Then status names the user who cancelled; "
        "otherwise it says where the name comes from, since anybody may have written it.",
    )
    resync_seconds: float = Field(
        default=300,
        ge=1,
        description="Pause between two comparisons of all SimulationJobs that exist with those that the operator "
        "knows. They find what a watch has lost.",
    )

    refusal_seconds: float = Field(
        default=REFUSAL_SECONDS,
        ge=0,
        description="How long the API server must refuse the Jobs or pods of a new SimulationJob as invalid before it "
        "is FAILED. Once a pod of it was accepted, a refusal never ends it.",
    )

    @model_validator(mode="after")
    def _lease_times_fit(self) -> "Settings":
        if not self.lease_retry_seconds < self.lease_renew_deadline_seconds < self.lease_duration_seconds:
            raise ValueError(
                "the times of the Lease must grow: lease_retry_seconds < lease_renew_deadline_seconds"
                " < lease_duration_seconds"
            )
        return self


def load(argv: Sequence[str]) -> Settings:
    """Read flags, then environment, then defaults. Print --help, or what is wrong with the flags, and exit."""
    return CliApp.run(Settings, cli_args=list(argv))
