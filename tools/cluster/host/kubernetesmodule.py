"""A Go module for the programs of one version of Kubernetes.

k8s.io/kubernetes takes its own parts, such as k8s.io/api, from a folder that the Go module proxy does not have. The
proxy has each part as a module of its own instead: k8s.io/api v0.34.4 belongs to Kubernetes v1.34.4.
"""

import json
import re
import subprocess
from pathlib import Path
from typing import Any, Final

from cluster.errors import ClusterError
from cluster.host import toolchain

KUBERNETES: Final = "k8s.io/kubernetes"
# Go adds the other requirements and their checksums to go.mod and go.sum, and checks each with its checksum database.
FLAGS: Final = "-mod=mod"
_STAGING: Final = "./staging/"


def write(version: str, folder: Path) -> None:
    """Put a go.mod for this version into the folder, unless there is one."""
    target = folder / "go.mod"
    if target.exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    known = _ask(folder, "list", "-m", "-json", f"{KUBERNETES}@{version}")
    content = render(version, _ask(folder, "mod", "edit", "-json", known["GoMod"]))
    scratch = folder / ".go.mod.new"
    scratch.write_text(content)
    scratch.rename(target)


def render(version: str, published: dict[str, Any]) -> str:
    """Return a go.mod that requires this version. `published` is its own go.mod, as `go mod edit -json` prints it."""
    replaced = [item for item in published["Replace"] if item["New"]["Path"].startswith(_STAGING)]
    patch = f"v0.{version.removeprefix('v1.')}"
    parts = sorted(item["Old"]["Path"] for item in replaced)
    return "\n".join(
        [
            "// Written by tools/cluster/host/kubernetesmodule.py; go adds to it.",
            "module simjob.dev/tests/kubernetes",
            "",
            f"go {published['Go']}",
            "",
            *(f"godebug {item['Key']}={item['Value']}" for item in published.get("Godebug") or ()),
            "",
            f"require {KUBERNETES} {version}",
            "",
            "replace (",
            *(f"\t{part} => {part} {patch}" for part in parts),
            ")",
            "",
        ]
    )


def needed_go(module: Path) -> tuple[int, int]:
    """Return the oldest Go that the module's go.mod allows, for example (1, 26)."""
    found = re.search(r"^go (\d+)\.(\d+)", (module / "go.mod").read_text(), re.MULTILINE)
    if found is None:
        raise ClusterError(f"{module / 'go.mod'} names no version of Go")
    return int(found[1]), int(found[2])


def _ask(folder: Path, *arguments: str) -> dict[str, Any]:
    """Run go, and return the JSON that it prints."""
    done = subprocess.run([toolchain.go(), *arguments], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ClusterError(
            f"go {' '.join(arguments)} fails: {done.stderr.strip()}",
            "the Go module proxy must be reachable, and have this version of Kubernetes",
        )
    found: dict[str, Any] = json.loads(done.stdout)
    return found
