"""Builds Go programs into a folder, and shows how many percent of their packages are compiled."""

import contextlib
import os
import signal
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cluster.errors import ClusterError
from cluster.host import toolchain
from cluster.report import Report, tail

POLL_SECONDS = 0.5
# What go needs after an interrupt, to end its compilers and remove its work folder.
GRACE_SECONDS = 10.0


@dataclass(slots=True)
class Build:
    """One run that builds some programs of a module."""

    module: Path
    packages: Mapping[str, str]
    folder: Path
    report: Report
    parts: dict[str, set[str]] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)
    # The oldest Go that can build the module, and flags and variables for go beside those of the user.
    oldest_go: tuple[int, int] = toolchain.GO
    flags: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)

    def run(self, ldflags: str) -> None:
        """Build each program. One that is complete has its name in the folder; an interrupt leaves nothing else."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.report.step(f"to build from source: {', '.join(self.packages)}")
        self.parts = self._list()
        for number, name in enumerate(self.packages, start=1):
            self._build(name, f"building {name} ({number} of {len(self.packages)})", ldflags)
        self.report.step(f"built {', '.join(self.packages)}")

    def percent(self) -> int:
        """Return the share of packages that are compiled, of those of all programs; linking counts as a package."""
        total = set().union(*self.parts.values())
        return 100 * len(self.done & total) // len(total)

    def _list(self) -> dict[str, set[str]]:
        """Name what each program is made of. Go fetches the sources for that, if they are not on this machine."""
        command = [self._go(), "list", "-f", '{{.ImportPath}} {{join .Deps " "}}', *self.packages.values()]
        log = self.folder.parent / "modules.log"
        output = self._run(command, log, "go list fails", lambda said: self._modules(said.count("go: downloading ")))
        lines = [line.split() for line in output.splitlines()]
        return {name: {f"link {name}", *line} for name, line in zip(self.packages, lines, strict=True)}

    def _build(self, name: str, doing: str, ldflags: str) -> None:
        scratch = self.folder / f".{name}.{os.getpid()}"
        # -v: go names each package that it compiles, but none that it finds in its own cache.
        flags = ["-v", "-trimpath", "-buildvcs=false", "-ldflags", ldflags]
        command = [self._go(), "build", *flags, "-o", str(scratch), self.packages[name]]
        try:
            log = self.folder.parent / f"{name}.log"
            self._run(command, log, f"{name} doesn't build", lambda said: self._compiled(doing, said))
            # By rename: an interrupted build never looks complete.
            scratch.rename(self.folder / name)
        finally:
            scratch.unlink(missing_ok=True)
        self.done |= self.parts[name]

    def _go(self) -> str:
        return toolchain.go(self.oldest_go)

    def _environment(self) -> dict[str, str]:
        flags = f"{os.environ.get('GOFLAGS', '')} {self.flags}".strip()
        return os.environ | {"CGO_ENABLED": "0", "GOFLAGS": flags, **self.environment}

    def _modules(self, count: int) -> str:
        # How many there will be is known only at the end.
        return f"fetching the sources: {count} Go modules so far" if count else "reading the sources"

    def _compiled(self, doing: str, said: str) -> str:
        self.done.update(said.splitlines())
        return f"{doing}: {self.percent()} % of all packages are compiled"

    def _run(self, command: Sequence[str], log: Path, failure: str, describe: Callable[[str], str]) -> str:
        """Run go, with what it says on its standard error in the log; return its standard output."""
        with log.open("wb") as errors, tempfile.TemporaryFile() as output:
            # A group of its own: an interrupt has to reach the compilers that go has started, too.
            running = subprocess.Popen(
                command,
                cwd=self.module,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                process_group=0,
            )
            try:
                while _runs(running):
                    self.report.progress(describe(log.read_text(errors="replace")))
            except BaseException:
                _end(running)
                raise
            if running.returncode != 0:
                raise ClusterError(f"{failure}:\n{tail(log)}", f"the whole output: {log}")
            output.seek(0)
            return output.read().decode()


def _runs(process: "subprocess.Popen[bytes]") -> bool:
    try:
        process.wait(timeout=POLL_SECONDS)
    except subprocess.TimeoutExpired:
        return True
    return False


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Interrupt go, which then removes its work folder; kill what is left of its group after a grace period."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=GRACE_SECONDS)
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
