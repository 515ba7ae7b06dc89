"""The options of a cluster, and their environment variables."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from cluster import versions
from cluster.errors import ClusterError


class Nodes(StrEnum):
    """Which nodes a cluster has."""

    REAL = "real"
    KWOK = "kwok"
    BOTH = "both"
    NONE = "none"

    @property
    def has_real(self) -> bool:
        return self in (Nodes.REAL, Nodes.BOTH)

    @property
    def has_kwok(self) -> bool:
        return self in (Nodes.KWOK, Nodes.BOTH)


class Provider(StrEnum):
    """Where the cluster comes from."""

    SOURCE = "source"
    KIND = "kind"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The options of `up`. The defaults are those of the command line."""

    state: Path = Path(".cluster")
    nodes: Nodes = Nodes.KWOK
    kwok_nodes: int = 50
    kcm_qps: int = 20
    provider: Provider = Provider.SOURCE
    kubernetes: str = field(default_factory=versions.pinned)

    def __post_init__(self) -> None:
        if self.nodes.has_real and self.provider is Provider.SOURCE and self.kubernetes != versions.pinned():
            raise ClusterError(
                f"NODES={self.nodes} needs Kubernetes {versions.pinned()}, not {self.kubernetes}: only that version "
                "has a real node here",
                f"NODES=kwok, or leave {versions.VARIABLE} unset",
            )


def default_nodes(kubernetes: str) -> Nodes:
    """Return a real node for root, which it needs, and for the version that has one; fake nodes otherwise."""
    return Nodes.REAL if os.geteuid() == 0 and kubernetes == versions.pinned() else Nodes.KWOK


def from_environment(environ: Mapping[str, str]) -> Options:
    """Read NODES, KWOK_NODES, KCM_QPS, CLUSTER, STATE and KUBERNETES. An empty one is unset: make passes those."""
    given = {name: value for name, value in environ.items() if value}
    kubernetes = versions.from_environment(given)
    return Options(
        state=Path(given.get("STATE", ".cluster")),
        nodes=parse_nodes(given["NODES"]) if "NODES" in given else default_nodes(kubernetes),
        kwok_nodes=parse_count("KWOK_NODES", given.get("KWOK_NODES", "50")),
        kcm_qps=parse_count("KCM_QPS", given.get("KCM_QPS", "20")),
        provider=parse_provider(given.get("CLUSTER", Provider.SOURCE)),
        kubernetes=kubernetes,
    )


def parse_nodes(text: str) -> Nodes:
    """Read a value of NODES."""
    try:
        return Nodes(text)
    except ValueError:
        raise ClusterError(f"NODES must be one of {', '.join(Nodes)}, not {text!r}") from None


def parse_provider(text: str) -> Provider:
    """Read a value of CLUSTER."""
    try:
        return Provider(text)
    except ValueError:
        raise ClusterError(f"CLUSTER must be one of {', '.join(Provider)}, not {text!r}") from None


def parse_count(name: str, text: str) -> int:
    """Read a positive whole number."""
    if not text.isascii() or not text.isdigit() or int(text) == 0:
        raise ClusterError(f"{name} must be a positive whole number, not {text!r}")
    return int(text)
