"""`down`: end and remove everything that belongs to a cluster, whatever state it is in."""

import shutil
import signal
import time

from cluster.errors import ClusterError
from cluster.host import cache, processes
from cluster.life.state import State
from cluster.node import cgroups
from cluster.node.network import Link
from cluster.report import Report

PATIENCE_SECONDS = 20.0


def down(state: State, report: Report) -> None:
    """Remove the cluster. It needs no records, since all names follow from the folder's path, and may be repeated."""
    removed = []
    if ended := end_processes(state.id):
        removed.append(f"{ended} processes")
    # With its namespace it is gone already, or in a moment.
    link = Link(state.id)
    if link.exists:
        link.remove()
        removed.append(f"interface {link.name}")
    if cgroups.exists(state.id):
        cgroups.remove(state.id)
        removed.append(f"cgroup {cgroups.name(state.id)}")
    if state.folder.exists():
        shutil.rmtree(state.folder)
        removed.append(f"folder {state.folder}")
    cache.release(state.id)
    report.step(f"removed: {', '.join(removed)}" if removed else f"nothing to remove for {state.folder}")


def leftovers(state: State) -> list[str]:
    """Name what of a cluster is there, running or not: empty after `down`."""
    found = [f"process {pid}" for pid in _all_of(state.id)]
    link = Link(state.id)
    found += [f"interface {link.name}"] if link.exists else []
    found += [f"cgroup {cgroups.name(state.id)}"] if cgroups.exists(state.id) else []
    found += [f"folder {state.folder}"] if state.folder.exists() else []
    return found


def end_processes(cluster: str) -> int:
    """Kill everything that carries the cluster's mark or is in its cgroups; return how many that were.

    By SIGKILL: a graceful end would take as long as the slowest pod's grace period, and nothing of it is kept.
    """
    ended: set[int] = set()
    limit = time.monotonic() + PATIENCE_SECONDS
    while pids := _all_of(cluster):
        ended.update(pids)
        # What is in the node first. Its parents, outside, collect it and end by themselves; killed together with it
        # they couldn't, and the node's first process would wait for that in vain.
        inner = {pid for pid in pids if processes.is_in_other_namespace(pid)}
        awaited = inner | ({processes.parent(pid) for pid in inner} & pids)
        for pid in inner or pids:
            processes.send(pid, signal.SIGKILL)
        if not processes.wait_gone(awaited or pids, 2.0) and time.monotonic() > limit:
            raise ClusterError(f"processes that don't end: {_all_of(cluster)}", "look at them with ps; run it again")
    return len(ended)


def _all_of(cluster: str) -> set[int]:
    return {*processes.marked(cluster), *cgroups.members(cluster)}
