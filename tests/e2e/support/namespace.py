"""A test's own namespace, with everything recorded that ever happens in it."""

import json
from dataclasses import dataclass
from typing import Any

from cluster.kubectl import Kubectl
from e2e.support.deployment import Operator
from e2e.support.sweep import Sweep, manifest
from integration.support import client, oracles
from integration.support.client import Client, Object
from integration.support.watching import Watcher


@dataclass(frozen=True, slots=True)
class Namespace:
    """A namespace under observation."""

    name: str
    kubectl: Kubectl
    client: Client
    operator: Operator
    sweeps: Watcher
    jobs: Watcher
    pods: Watcher

    @classmethod
    def create(cls, name: str, kubectl: Kubectl, api: Client, operator: Operator) -> "Namespace":
        """Make it, and watch it from then on."""
        kubectl.run("create", "namespace", name)
        paths = (client.simulationjobs(name), client.jobs(name), client.pods(name))
        sweeps, jobs, pods = (Watcher(api, path) for path in paths)
        return cls(name, kubectl, api, operator, sweeps, jobs, pods)

    def run(self, *arguments: str, stdin: str | None = None) -> str:
        """Run kubectl in this namespace."""
        return self.kubectl.run("--namespace", self.name, *arguments, stdin=stdin)

    def read(self, *arguments: str) -> Object:
        """Run kubectl with `-o json`."""
        found: Object = json.loads(self.run(*arguments, "-o", "json"))
        return found

    def sweep(self, script: str = "true", *, name: str = "sweep", grace: int = 5, **spec: Any) -> Sweep:
        """Apply a SimulationJob whose cases run a shell script; keywords are fields of the spec, as in YAML."""
        return self.apply(manifest(name, script, grace, spec))

    def apply(self, sweep: Object) -> Sweep:
        """Apply a SimulationJob."""
        self.run("apply", "-f", "-", stdin=json.dumps(sweep))
        return Sweep(self, str(sweep["metadata"]["name"]))

    def settle(self) -> None:
        """Wait until all that is stored by now has been recorded."""
        for watcher in (self.sweeps, self.jobs, self.pods):
            watcher.settle()

    def violations(self) -> list[str]:
        """Say what of all that happened should not have happened; empty if all was well."""
        self.settle()
        return oracles.violations(self.sweeps.history, self.pods.history, self.jobs.history)

    def close(self) -> None:
        """Stop observing and delete it, without waiting for that."""
        for watcher in (self.sweeps, self.jobs, self.pods):
            watcher.stop()
        self.kubectl.run("delete", "namespace", self.name, "--wait=false", "--ignore-not-found")
