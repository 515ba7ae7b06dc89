"""The operator as processes of this machine: started from source, or found in its containers."""

import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from cluster.errors import ClusterError
from cluster.host import addresses

PROC = Path("/proc")


@contextmanager
def operator_from_source(kubeconfig: Path, log: Path) -> Iterator[int]:
    """Run the operator from the sources until the block ends; gives its pid once it is ready."""
    port = addresses.free_ports(["health"])["health"]
    command = [
        sys.executable,
        "-m",
        "simjob",
        "--no-leader-election",
        "--health-host",
        "127.0.0.1",
        "--health-port",
        str(port),
    ]
    environment = {**os.environ, "KUBECONFIG": str(kubeconfig)}
    with log.open("w") as output:
        # A session of its own: Ctrl-C reaches only the demo, which cleans up first and then ends this process.
        process = subprocess.Popen(command, stdout=output, stderr=output, env=environment, start_new_session=True)
    try:
        _wait_ready(process, port, log)
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _wait_ready(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    limit = time.monotonic() + 60
    while not _answers(port):
        if process.poll() is not None or time.monotonic() > limit:
            raise ClusterError(f"the operator did not become ready; its log:\n{log.read_text()[-3000:]}")
        time.sleep(0.1)


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == http.HTTPStatus.OK
    except OSError:
        return False
    finally:
        connection.close()


def of_pods(uids: Iterable[str], proc: Path = PROC) -> list[int]:
    """Find the operator's process in each of the pods: their cgroups carry the pods' uids."""
    wanted = tuple(f"pod{uid}" for uid in uids)
    found = []
    for folder in proc.glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
            cgroups = (folder / "cgroup").read_text()
        except OSError:
            continue  # It ended meanwhile.
        if b"simjob" in words and any(pod in cgroups for pod in wanted):
            found.append(int(folder.name))
    return found


def resident_mib(pid: int, proc: Path = PROC) -> float:
    """Read how much memory a process has, in MiB."""
    for line in (proc / str(pid) / "status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise ClusterError(f"process {pid} has no memory: it has ended")
