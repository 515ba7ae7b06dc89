"""The versions of Kubernetes that a cluster can have: the newest patch of each minor that the Go module proxy has."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from cluster.errors import ClusterError

VARIABLE: Final = "KUBERNETES"
MODULE: Final = Path(__file__).parent / "go"
# By minor, oldest first. The oldest is the one that the operator supports: simjob/runtime/client/serverversion.py.
PATCHES: Final[Mapping[str, str]] = {
    "1.33": "v1.33.13",
    "1.34": "v1.34.4",
    "1.35": "v1.35.4",
    "1.36": "v1.36.3",
    "1.37": "v1.37.2",
}


def pinned(module: Path = MODULE) -> str:
    """Return the version in go.mod, for example v1.36.3: the default, and the only one with a real node."""
    found = re.search(r"^\s*k8s\.io/kubernetes (v\S+)", (module / "go.mod").read_text(), re.MULTILINE)
    if found is None:
        raise ClusterError(f"{module / 'go.mod'} requires no k8s.io/kubernetes")
    return found[1]


def from_environment(environ: Mapping[str, str]) -> str:
    """Read KUBERNETES. Treat an empty one as unset: make passes those."""
    text = environ.get(VARIABLE)
    return parse(text) if text else pinned()


def parse(text: str) -> str:
    """Return the version of a minor such as 1.34, or of one of the patches itself, with or without a `v`."""
    number = text.removeprefix("v")
    found = {minor: version for minor, version in PATCHES.items() if number in (minor, version.removeprefix("v"))}
    if not found:
        raise ClusterError(
            f"{VARIABLE} must be one of {', '.join(PATCHES)}, not {text!r}",
            f"each stands for one patch: {', '.join(PATCHES.values())}",
        )
    return next(iter(found.values()))


def numbers(version: str) -> tuple[int, int, int]:
    """Return the parts of a version such as v1.36.3, to compare them."""
    major, minor, patch = version.removeprefix("v").split(".")
    return int(major), int(minor), int(patch)
