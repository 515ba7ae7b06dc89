"""Helm, as a user runs it."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

CHART: Final = Path(__file__).parents[3] / "manifests/chart"
RELEASE: Final = "simjob"


class HelmError(Exception):
    """Helm ended with an error; the message is what it printed."""


@dataclass(frozen=True, slots=True)
class Helm:
    """Helm with a home of its own, and the kubeconfig of a cluster where it needs one."""

    program: Path
    home: Path
    kubeconfig: Path = Path("/dev/null")

    @property
    def homes(self) -> dict[str, str]:
        """Return the variables that keep it out of the home of the user."""
        return {f"HELM_{kind}_HOME": str(self.home / kind.lower()) for kind in ("CACHE", "CONFIG", "DATA")}

    def run(self, *arguments: str) -> str:
        """Run it and return what it prints; HelmError if it fails."""
        process = self.start(*arguments)
        output, errors = process.communicate()
        if process.returncode != 0:
            raise HelmError(errors.strip())
        return output

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """Run it, and return while it runs."""
        return subprocess.Popen(
            [str(self.program), *arguments, f"--kubeconfig={self.kubeconfig}"],
            env={**os.environ, **self.homes},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
