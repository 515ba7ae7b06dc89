"""The API server as these tests use it: through kubectl, with its error messages."""

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from given.builders import a_job_dict, a_template_dict

CRD = Path(__file__).parents[3] / "crds" / "simulationjobs.simjob.dev.yaml"
KUBECTL = Path(sys.executable).with_name("kubectl")
NAMESPACE = "crd-rules"
LATCH = {"requestedAt": "2026-01-02T03:04:05Z", "requestedBy": "anna"}


class RefusedError(Exception):
    """What kubectl said when it failed."""


@dataclass(frozen=True, slots=True)
class Api:
    """The API server, by kubectl."""

    kubeconfig: Path

    def kubectl(self, *arguments: str, stdin: Any = None) -> str:
        command = [str(KUBECTL), f"--kubeconfig={self.kubeconfig}", f"--namespace={NAMESPACE}", *arguments]
        text = None if stdin is None else json.dumps(stdin)
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RefusedError(done.stderr.strip())
        return done.stdout

    def create(self, status: dict[str, Any] | None = None, **spec: Any) -> str:
        """Make a SimulationJob, write its status, and return its name."""
        made = self.kubectl("create", "-f", "-", "-o", "json", stdin=manifest(generateName="sweep-", **spec))
        name: str = json.loads(made)["metadata"]["name"]
        if status is not None:
            self.patch(name, {"status": status})
        return name

    def patch(self, name: str, change: dict[str, Any]) -> dict[str, Any]:
        part = ("--subresource=status",) if "status" in change else ()
        command = ("patch", "simjob", name, "--type=merge", "--patch-file=/dev/stdin", "-o", "json", *part)
        patched = self.kubectl(*command, stdin=change)
        found: dict[str, Any] = json.loads(patched)
        return found

    def read(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.kubectl("get", "simjob", name, "-o", "json"))
        return found

    def version(self) -> tuple[int, int]:
        """Return the major and minor version of the API server."""
        found = json.loads(self.kubectl("get", "--raw", "/version"))
        return int(found["major"]), int(found["minor"])

    def refusal(self, **spec: Any) -> str:
        """Say why such a SimulationJob is not accepted."""
        with pytest.raises(RefusedError) as refused:
            self.kubectl("create", "--dry-run=server", "-f", "-", stdin=manifest(name="sweep", **spec))
        return told(refused.value)

    def refusal_of_change(self, name: str, change: dict[str, Any]) -> str:
        """Say why such a change is not accepted."""
        with pytest.raises(RefusedError) as refused:
            self.patch(name, change)
        return told(refused.value)


def manifest(*, name: str = "", **spec: Any) -> dict[str, Any]:
    generate = spec.pop("generateName", None)
    job = a_job_dict(**spec)
    return {**job, "metadata": {"name": name} if generate is None else {"generateName": generate}}


def told(refused: RefusedError) -> str:
    """Take the API server's words out of kubectl's, without its note that CEL was not reached."""
    text = str(refused)
    if "strict decoding error: " in text:
        return text.partition("strict decoding error: ")[2]
    causes = re.sub(r'^The SimulationJob "[^"]*" is invalid: ', "", text).replace("\n* ", "\n").strip().splitlines()
    return "\n".join(cause for cause in causes if not cause.startswith("<nil>"))


def without_value(text: str) -> str:
    """Leave out the refused value, and how Go writes the type of an object."""
    return re.sub(r'Invalid value: (?:"[^"]*"|-?\d+): ', "Invalid value: ", text).replace("map[string]interface {}", "")


def container(**more: Any) -> dict[str, Any]:
    return a_template_dict(containers=[{"name": "a", "image": "b", **more}])
