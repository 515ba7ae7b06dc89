"""Child processes of the benchmark: started from source, measured by /proc, ended with the driver."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.errors import TrialError

ROOT = Path(__file__).parents[2]
_TICKS = os.sysconf("SC_CLK_TCK")


class Child:
    """A Python process with a log file; its standard streams are pipes where `talks`."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, log: Path) -> None:
        self.name = name
        self.process = process
        self.log = log

    @classmethod
    async def start(
        cls, name: str, arguments: Sequence[str], log: Path, *, talks: bool = False, **environment: str
    ) -> "Child":
        """Run `python ARGUMENTS` with the source tree's packages and a small environment."""
        pipe = asyncio.subprocess.PIPE if talks else None
        with log.open("ab") as output:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *arguments,
                env={"PATH": os.environ["PATH"], "PYTHONPATH": f"{ROOT}/operator:{ROOT}/tools", **environment},
                stdin=pipe or subprocess.DEVNULL,
                stdout=pipe or output,
                stderr=output,
                # Ctrl-C is for the driver, which ends its children in order.
                start_new_session=True,
                limit=2**26,
            )
        return cls(name, process, log)

    @property
    def is_running(self) -> bool:
        return self.process.returncode is None

    def require(self) -> None:
        """TrialError with the end of its log if it has ended by itself."""
        if not self.is_running:
            raise TrialError(f"{self.name} has ended with {self.process.returncode}:\n{self.tail()}")

    def tail(self, lines: int = 15) -> str:
        """Give the end of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    async def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End it and wait; SIGKILL after ten seconds."""
        if self.is_running:
            self.process.send_signal(number)
            try:
                await asyncio.wait_for(self.process.wait(), 10)
            except TimeoutError:
                self.process.kill()
                await self.process.wait()

    def usage(self) -> "Usage":
        """Read what it has used up to now; zeros if it has ended."""
        try:
            return Usage.parse(self._proc("status"), self._proc("stat"))
        except OSError:
            return Usage()

    def _proc(self, name: str) -> str:
        return Path(f"/proc/{self.process.pid}/{name}").read_text()


class Usage:
    """Resident memory now and at its peak in MiB, CPU time in seconds."""

    def __init__(self, resident: float = 0.0, peak: float = 0.0, cpu: float = 0.0) -> None:
        self.resident = resident
        self.peak = peak
        self.cpu = cpu

    @classmethod
    def parse(cls, status: str, stat: str) -> "Usage":
        """Read /proc/PID/status and /proc/PID/stat (man 5 proc)."""
        fields: Mapping[str, str] = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
        user, system = stat.rpartition(")")[2].split()[11:13]

        def mib(name: str) -> float:
            return int(fields.get(name, "0 kB").split()[0]) / 1024

        return cls(mib("VmRSS"), mib("VmHWM"), (int(user) + int(system)) / _TICKS)
