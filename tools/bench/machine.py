"""Where and with what a run is made."""

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

from cluster.versions import MODULE, pinned

from bench.children import ROOT
from bench.report.results import Machine

_PACKAGES = ("aiohttp", "kopf", "kubernetes", "msgspec", "uvloop")


def machine() -> Machine:
    """Describe this machine, and how busy it is before anything is started."""
    cpu = _field("/proc/cpuinfo", "model name")
    memory = int(_field("/proc/meminfo", "MemTotal").split()[0]) / 2**20
    return Machine(
        cpu=cpu,
        cores=os.cpu_count() or 1,
        memory_gib=round(memory, 1),
        kernel=platform.release(),
        load=round(os.getloadavg()[0], 2),
    )


def versions() -> dict[str, str]:
    """Name the versions of what takes part."""
    required = (MODULE / "go.mod").read_text().split()
    found = {"Python": platform.python_version(), "Kubernetes": pinned()}
    for name, module in (("KWOK", "sigs.k8s.io/kwok"), ("etcd", "go.etcd.io/etcd/server/v3")):
        found[name] = required[required.index(module) + 1]
    return found | {package: version(package) for package in _PACKAGES}


def commit(root: Path = ROOT) -> str:
    """Name the commit of a repository; `+` behind it says that the tree was changed."""
    try:
        head = subprocess.run(["git", "rev-parse", "--short=12", "HEAD"], cwd=root, capture_output=True, check=True)
        changed = subprocess.run(["git", "status", "--porcelain"], cwd=root, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return head.stdout.decode().strip() + ("+" if changed.stdout else "")


def _field(path: str, name: str) -> str:
    lines = Path(path).read_text().splitlines()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(name)), "0 unknown")
