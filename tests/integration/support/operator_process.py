"""The operator as a process, from source: how to start it, end it in each way, and query it."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from cluster.host import addresses

ROOT = Path(__file__).parents[3]
PATIENCE_SECONDS = 60.0
# So that a killed leader's place is free after seconds; the shipped times are longer.
QUICK_LEASE = {
    "SIMJOB_LEASE_DURATION_SECONDS": "5",
    "SIMJOB_LEASE_RENEW_DEADLINE_SECONDS": "4",
    "SIMJOB_LEASE_RETRY_SECONDS": "0.5",
}


class OperatorProcess:
    """`python -m simjob` with a kubeconfig, one log file for all its lives; the package is in `source`."""

    def __init__(self, name: str, kubeconfig: Path, log: Path, **settings: str) -> None:
        self.name = name
        self.log = log
        self.source = ROOT / "operator"
        self._kubeconfig = kubeconfig
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0
        self.identity = ""

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def configure(self, **settings: str) -> None:
        """Change settings for its next lives."""
        self._settings |= settings

    def start(self, *, wait: bool = True) -> None:
        """Start it; with `wait` return when its caches are filled."""
        assert not self.is_running
        self.identity = f"{self.name}-{time.monotonic_ns()}"
        self._port = addresses.free_ports(["health"])["health"]
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(self.source),
            "KUBECONFIG": str(self._kubeconfig.resolve()),
            "SIMJOB_HEALTH_HOST": "127.0.0.1",
            "SIMJOB_HEALTH_PORT": str(self._port),
            "SIMJOB_IDENTITY": self.identity,
            **self._settings,
        }
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "simjob"],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        if wait:
            self.wait_ready()

    def wait_ready(self) -> None:
        limit = time.monotonic() + PATIENCE_SECONDS
        while not self.answers("readyz"):
            assert self.is_running, f"the operator has ended:\n{self.tail()}"
            assert time.monotonic() < limit, f"the operator is not ready:\n{self.tail()}"
            time.sleep(0.1)

    def answers(self, probe: str) -> bool:
        """Say whether the probe is well."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/{probe}", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def kill(self) -> None:
        """End it as the kernel does when memory runs out."""
        self._end(signal.SIGKILL)

    def stop(self) -> int | None:
        """End it as a kubelet does; return its exit code."""
        return self._end(signal.SIGTERM)

    def tail(self, lines: int = 25) -> str:
        """Give the end of the log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:]) if self.log.exists() else ""

    def defects(self) -> list[str]:
        """Give the lines in which the operator says that it is at fault itself, or what crashed it."""
        found = []
        for line in self.log.read_text(errors="replace").splitlines():
            try:
                severity = json.loads(line).get("severity", "")
            except ValueError:
                severity = "error" if line.startswith("Traceback") else ""
            # kopf calls an answer that it only waits for an error, too.
            if severity == "error" and "will retry" not in line:
                found.append(line)
        return found

    def _end(self, number: signal.Signals) -> int | None:
        if self._process is None:
            return None
        self._process.send_signal(number)
        try:
            return self._process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise
