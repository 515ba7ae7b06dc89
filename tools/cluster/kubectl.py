"""kubectl, as a person uses it at a terminal: run, read, watch."""

import json
import os
import queue
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cluster.errors import ClusterError
from cluster.host import toolchain


@dataclass(frozen=True, slots=True)
class Line:
    """One line that a watch printed, with the monotonic time at which it came."""

    time: float
    source: str
    text: str


@dataclass(frozen=True, slots=True)
class Kubectl:
    """kubectl with a kubeconfig."""

    program: str
    kubeconfig: Path

    def run(self, *arguments: str, stdin: str | None = None) -> str:
        """Run it and return what it prints; ClusterError with its own words if it fails."""
        done = subprocess.run(self._command(arguments), input=stdin, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise ClusterError(f"kubectl {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    def read(self, *arguments: str) -> dict[str, Any]:
        """Run it with `-o json`."""
        found: dict[str, Any] = json.loads(self.run(*arguments, "-o", "json"))
        return found

    def apply(self, manifest: Mapping[str, Any]) -> str:
        """Apply one object."""
        return self.run("apply", "-f", "-", stdin=json.dumps(manifest))

    @contextmanager
    def watching(self, watches: Mapping[str, tuple[str, ...]]) -> Iterator["queue.SimpleQueue[Line]"]:
        """Run a `kubectl get --watch` for each name, and give all their lines in the order in which they come."""
        lines: queue.SimpleQueue[Line] = queue.SimpleQueue()
        processes = []
        for source, arguments in watches.items():
            command = self._command(("get", "--watch", *arguments))
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            processes.append(process)
            threading.Thread(target=_forward, args=(process, source, lines), daemon=True).start()
        try:
            yield lines
        finally:
            for process in processes:
                process.terminate()
                process.wait()
                if process.stdout:
                    process.stdout.close()

    def _command(self, arguments: tuple[str, ...]) -> list[str]:
        return [self.program, f"--kubeconfig={self.kubeconfig}", *arguments]


def kustomize(folder: Path) -> str:
    """Render a kustomization, without a cluster; ClusterError with kubectl's own words if it fails."""
    command = [toolchain.kubectl(), "kustomize", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ClusterError(f"kubectl kustomize fails: {done.stderr.strip()}")
    return done.stdout


def kustomize_overlay(base: Path, *, components: Iterable[Path] = (), images: Iterable[Mapping[str, str]] = ()) -> str:
    """Render a kustomization with these components and images added, as a user's own kustomization adds them."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        overlay = {
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            "resources": [os.path.relpath(base, folder)],
            "components": [os.path.relpath(component, folder) for component in components],
            "images": list(images),
        }
        (folder / "kustomization.yaml").write_text(json.dumps(overlay))
        return kustomize(folder)


def wait_established(run: Callable[..., object], plural: str, group: str) -> None:
    """Wait, by this `run`, until a CustomResourceDefinition that was just applied is served.

    Its `status.conditions` are null at first, on which `kubectl wait --for=condition` ends with an error.
    """
    for wanted in (f"jsonpath={{.status.acceptedNames.plural}}={plural}", "condition=Established"):
        run("wait", f"--for={wanted}", f"crd/{plural}.{group}", "--timeout=30s")


def _forward(process: "subprocess.Popen[str]", source: str, lines: "queue.SimpleQueue[Line]") -> None:
    for line in process.stdout or ():
        lines.put(Line(time.monotonic(), source, line.rstrip("\n")))
