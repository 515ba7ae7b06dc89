"""The cgroups that hold a node's pods: one tree per cluster, in every hierarchy of version 1, or in version 2."""

import contextlib
import os
import time
from pathlib import Path

from cluster.errors import ClusterError


def name(cluster: str) -> str:
    """Return the tree's name. Two kubelets with the same one would end each other's pods."""
    return f"simjob-{cluster}"


def hierarchies() -> list[Path]:
    """List where cgroups are mounted: one folder for version 2, one per controller for version 1."""
    found = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        if after.split()[0] in ("cgroup", "cgroup2"):
            found.append(Path(before.split()[4]))
    return found


def create(cluster: str) -> None:
    """Make the tree. The kubelet refuses a root that isn't there in every hierarchy."""
    for hierarchy in hierarchies():
        folder = hierarchy / name(cluster)
        folder.mkdir(exist_ok=True)
        _delegate(hierarchy)
        # In version 1 a new cpuset is empty, and nothing can run in it.
        for setting in ("cpuset.cpus", "cpuset.mems"):
            if (folder / setting).exists() and not (hierarchy / "cgroup.controllers").exists():
                (folder / setting).write_text((hierarchy / setting).read_text())


def _delegate(hierarchy: Path) -> None:
    """In version 2, let the folders below have the controllers; most machines have done so for most of them."""
    controllers = hierarchy / "cgroup.controllers"
    for controller in controllers.read_text().split() if controllers.exists() else []:
        with contextlib.suppress(OSError):
            (hierarchy / "cgroup.subtree_control").write_text(f"+{controller}")


def exists(cluster: str) -> bool:
    return any((hierarchy / name(cluster)).exists() for hierarchy in hierarchies())


def members(cluster: str) -> list[int]:
    """List the processes in the tree."""
    pids: set[int] = set()
    for hierarchy in hierarchies():
        for folder in _folders(hierarchy / name(cluster)):
            try:
                pids.update(int(pid) for pid in (folder / "cgroup.procs").read_text().split())
            except OSError:
                continue  # This cgroup went away meanwhile.
    return sorted(pids - {0})


def remove(cluster: str) -> None:
    """Remove the tree, whose processes must be dead. The kernel may hold it a moment longer than them."""
    limit = time.monotonic() + 10
    while exists(cluster):
        for hierarchy in hierarchies():
            _remove_tree(hierarchy / name(cluster))
        if time.monotonic() > limit:
            raise ClusterError(f"the cgroup {name(cluster)} can't be removed; processes in it: {members(cluster)}")
        time.sleep(0.02)


def _remove_tree(top: Path) -> None:
    # Deepest first. A cgroup's files go with it.
    for folder in reversed(_folders(top)):
        try:
            folder.rmdir()
        except OSError:
            continue


def _folders(top: Path) -> list[Path]:
    """List the folders of a tree, each before those in it. One that goes away meanwhile is skipped."""
    return [Path(folder) for folder, _, _ in os.walk(top)]
