"""The processes on the real node, as the kernel of this machine sees them. No API can be wrong about these."""

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path


def processes(pod_uid: str) -> list[int]:
    """Give the processes of a pod's containers and of its sandbox. The kubelet names a pod's cgroup by its uid."""
    mark = f"pod{pod_uid}"
    found = []
    for group in Path("/proc").glob("[0-9]*/cgroup"):
        try:
            if mark in group.read_text():
                found.append(int(group.parent.name))
        except OSError:
            continue  # It ended meanwhile.
    return found


def running(pod_uid: str, word: str) -> list[int]:
    """Give the processes of a pod that have a word in their command line; zombies have none."""
    return [pid for pid in processes(pod_uid) if word in command(pid)]


def command(pid: int) -> str:
    """Give a process's command line; empty if it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""


def kill(pid: int) -> None:
    """End a process as the kernel does when memory runs out."""
    os.kill(pid, signal.SIGKILL)


@contextlib.contextmanager
def stopped(pid: int) -> Iterator[None]:
    """Let a process hang for a while."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
