"""Child processes that outlive the command: started detached, found again, stopped.

A process is known by a record in the state folder (pid and start time) and by a mark in its environment, which all
its descendants inherit. The mark finds what a crash between start and record left behind.
"""

import contextlib
import json
import os
import signal
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

MARK = "SIMJOB_CLUSTER"


@dataclass(frozen=True, slots=True)
class Processes:
    """The processes of one cluster, by component name."""

    cluster: str
    records: Path
    logs: Path

    def start(self, name: str, argv: Sequence[str]) -> bool:
        """Start a component unless it runs with this very command line; return whether it was started."""
        if self.is_running(name) and self.command(name) == list(argv):
            return False
        self.stop(name, grace=3.0)
        self._record(name, self._spawn(name, argv), argv)
        return True

    def adopt_child(self, name: str, deadline: float = 5.0) -> int:
        """Record the only child of a component in its place: the component proper, behind unshare or nsenter."""
        argv = self.command(name)
        parent = self.pid(name)
        limit = time.monotonic() + deadline
        while parent is not None and start_time(parent) is not None:
            children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
            if children:
                self._record(name, int(children[0]), argv)
                return int(children[0])
            if time.monotonic() > limit:
                break
            time.sleep(0.01)
        raise ChildProcessError(name)

    def pid(self, name: str) -> int | None:
        """Return the component's pid if it is alive."""
        try:
            record = json.loads(self._file(name).read_text())
        except FileNotFoundError:
            return None
        pid = int(record["pid"])
        return pid if start_time(pid) == record["started"] else None

    def is_running(self, name: str) -> bool:
        return self.pid(name) is not None

    def command(self, name: str) -> list[str]:
        """Return the command line that the component was last started with."""
        try:
            argv: list[str] = json.loads(self._file(name).read_text())["argv"]
        except FileNotFoundError:
            return []
        return argv

    def names(self) -> list[str]:
        """List every component that was ever started."""
        return sorted(record.stem for record in self.records.glob("*.json"))

    def stop(self, name: str, grace: float = 10.0) -> None:
        """End a component: SIGTERM, after the grace SIGKILL. Return when it is gone."""
        pid = self.pid(name)
        if pid is None:
            return
        send(pid, signal.SIGTERM)
        if not wait_gone([pid], grace):
            self.kill(name)

    def kill(self, name: str) -> None:
        """End a component by SIGKILL, as the kernel does when memory runs out."""
        pid = self.pid(name)
        if pid is not None:
            send(pid, signal.SIGKILL)
            wait_gone([pid], 10.0)

    def log(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    def _spawn(self, name: str, argv: Sequence[str]) -> int:
        # Not subprocess: its object would have to be kept, or warns when it goes while the process lives on.
        log = str(self.log(name))
        actions = [
            (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ]
        # A session of its own, so that Ctrl-C in the terminal doesn't end the cluster.
        return os.posix_spawn(argv[0], list(argv), self._environment(), file_actions=actions, setsid=True)

    def _environment(self) -> dict[str, str]:
        """Little is inherited: a proxy setting would send the components' own traffic away from the machine."""
        return {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": os.environ.get("HOME", "/"),
            MARK: self.cluster,
        }

    def _record(self, name: str, pid: int, argv: Sequence[str]) -> None:
        record = {"pid": pid, "started": start_time(pid), "argv": list(argv)}
        scratch = self.records / f".{name}.new"
        scratch.write_text(json.dumps(record))
        scratch.rename(self._file(name))

    def _file(self, name: str) -> Path:
        return self.records / f"{name}.json"


def start_time(pid: int) -> int | None:
    """Return when the process started, in clock ticks since boot; None if it is dead. With the pid it is unique."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)  # A child of ours would stay a zombie otherwise.
    fields = _status_fields(pid)
    if not fields:
        return None
    # Without memory and namespaces it is past its end, its sockets are closed, and it only waits for its zombies to be
    # collected: the first process of a pid namespace does that, for ever where the machine's own first process collects
    # nothing (many containers).
    state, started, memory = fields[0], int(fields[19]), int(fields[20])
    return None if state in "ZX" or (memory == 0 and not _has_namespaces(pid)) else started


def _has_namespaces(pid: int) -> bool:
    try:
        Path(f"/proc/{pid}/ns/net").readlink()
    except OSError:
        return False
    return True


def marked(cluster: str) -> list[int]:
    """Find every process of this machine that carries the cluster's mark."""
    wanted = f"{MARK}={cluster}".encode()
    found = []
    for environment in Path("/proc").glob("[0-9]*/environ"):
        try:
            if wanted in environment.read_bytes().split(b"\0"):
                found.append(int(environment.parent.name))
        except OSError:
            continue  # It ended meanwhile, or is another user's.
    return [pid for pid in found if pid != os.getpid() and start_time(pid) is not None]


def parent(pid: int) -> int:
    """Return the pid of the process's parent; 0 if the process is gone."""
    fields = _status_fields(pid)
    return int(fields[1]) if fields else 0


def _status_fields(pid: int) -> list[str]:
    """Read what follows the program's name in /proc/PID/stat (see man 5 proc): state, parent and so on."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def is_in_other_namespace(pid: int) -> bool:
    """Say whether the process is in another pid namespace than this one, that is, in a node."""
    try:
        return Path(f"/proc/{pid}/ns/pid").readlink() != Path("/proc/self/ns/pid").readlink()
    except OSError:
        return False


def send(pid: int, number: signal.Signals) -> None:
    """Send a signal; a process that is gone has had it."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def wait_gone(pids: Iterable[int], seconds: float) -> bool:
    """Wait until all are dead; return whether they are."""
    limit = time.monotonic() + seconds
    left = list(pids)
    while left := [pid for pid in left if start_time(pid) is not None]:
        if time.monotonic() > limit:
            return False
        time.sleep(0.02)
    return True
