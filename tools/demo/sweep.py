"""The sweep of manifests/samples/rc-filter.yaml, as the demo applies it and reads it."""

import copy
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from cluster.kubectl import Kubectl

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "manifests/samples/rc-filter.yaml"
IMAGE_FOLDER = ROOT / "manifests/samples/rc-filter"
IMAGE = "simjob.local/rc-filter:dev"
LIVE = "status.phase!=Succeeded,status.phase!=Failed"


@dataclass(frozen=True, slots=True)
class Sweep:
    """A SimulationJob of the demo, by name."""

    kubectl: Kubectl
    name: str

    @property
    def selector(self) -> str:
        """What finds its Jobs and pods."""
        return f"simjob.dev/name={self.name}"

    def apply(self, manifest: dict[str, Any]) -> None:
        """Create it; one of an earlier demo is deleted first, since a finished job does not start again."""
        self.kubectl.run("delete", "simjob", self.name, "--ignore-not-found", "--timeout=60s")
        self.kubectl.apply(manifest)

    def status(self) -> dict[str, Any]:
        """Read its status now."""
        found: dict[str, Any] = self.kubectl.read("get", "simjob", self.name).get("status", {})
        return found

    def live_pods(self) -> list[str]:
        """Ask the API server, by a fresh list, for pods that are not at their end."""
        listed = self.kubectl.run("get", "pods", "-l", self.selector, "--field-selector", LIVE, "-o", "name")
        return listed.split()

    def messages(self) -> list[str]:
        """Read what its pods left as termination messages."""
        pods = self.kubectl.read("get", "pods", "-l", self.selector)["items"]
        states = [pod["status"]["containerStatuses"][0]["state"] for pod in pods]
        return [state.get("terminated", {}).get("message", "") for state in states]


def manifest(*, on_fake_nodes: bool) -> dict[str, Any]:
    """Read the sample. A fake node plays a pod's life as annotations say, since nothing runs on it."""
    sample: dict[str, Any] = yaml.safe_load(SAMPLE.read_text())
    if on_fake_nodes:
        annotations = {"kwok.simjob.dev/run-seconds": "5", "kwok.simjob.dev/termination-seconds": "1"}
        sample["spec"]["template"]["metadata"] = {"annotations": annotations}
    return sample


def smaller(sample: dict[str, Any], name: str) -> dict[str, Any]:
    """Make a short sweep of the same filter: two resistances, three capacitances, no longer than ngspice takes."""
    job = copy.deepcopy(sample)
    job["metadata"]["name"] = name
    for axis, count in zip(job["spec"]["cases"]["matrix"], (2, 3), strict=True):
        axis["values"] = axis["values"][:: len(axis["values"]) // count][:count]
    job["spec"]["template"]["spec"]["containers"][0].pop("env")
    return job


def total(job: dict[str, Any]) -> int:
    """Say how many cases the axes make."""
    return math.prod(len(axis["values"]) for axis in job["spec"]["cases"]["matrix"])


def parse_status(line: str) -> dict[str, Any]:
    """Read the status that a watch printed; the first one is empty."""
    found: dict[str, Any] = json.loads(line) if line else {}
    return found
