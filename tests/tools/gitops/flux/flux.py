"""Flux's kustomize-controller as a process on the test cluster, and what it reconciles.

In place of the source-controller, the tests publish what is committed (artifacts.py): they have no use for its Git.
"""

import itertools
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from cluster.host.processes import Processes
from cluster.kubectl import wait_established
from cluster.provider import Cluster
from cluster.report import Report
from external import programs
from external.programs import TOOLS
from integration.support.client import Client, Object
from integration.support.sweeps import Place, eventually
from tools.gitops.flux.artifacts import Artifacts

NAMESPACE: Final = "flux-system"
CONTROLLER: Final = "kustomize-controller"
# The CRDs of sources are in the second.
MODULES: Final = ("github.com/fluxcd/kustomize-controller", "github.com/fluxcd/source-controller@v1.9.6")
_TOKENS = itertools.count(1)


class Flux:
    """The controller, as administrator. Flux's own installation gives it the ClusterRole cluster-admin, too."""

    def __init__(self, cluster: Cluster, client: Client, artifacts: Artifacts) -> None:
        self.client = client
        self.artifacts = artifacts
        self._cluster = cluster
        # With the cluster's mark, so that it ends the controller with itself.
        self._processes = Processes(cluster.state.id, cluster.state.folder / "flux", cluster.state.logs)
        self._processes.records.mkdir(exist_ok=True)

    def install(self) -> None:
        """Apply the CRDs of the release that is built, and make the namespace."""
        for module in MODULES:
            sources = programs.source(TOOLS[CONTROLLER], module)
            self._cluster.run_kubectl("apply", "--server-side", "-f", str(sources / "config/crd/bases"))
        wait_established(self._cluster.run_kubectl, "gitrepositories", "source.toolkit.fluxcd.io")
        wait_established(self._cluster.run_kubectl, "kustomizations", "kustomize.toolkit.fluxcd.io")
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
        self._cluster.run_kubectl("apply", "-f", "-", stdin=json.dumps(namespace))

    def start(self, *flags: str) -> None:
        """Start the controller, with other flags if it runs already."""
        program = programs.provide(TOOLS[CONTROLLER], Report()) / CONTROLLER
        environment = [f"KUBECONFIG={self._cluster.kubeconfig.resolve()}", f"RUNTIME_NAMESPACE={NAMESPACE}"]
        quiet = ["--metrics-addr=0", "--health-addr=0", "--events-addr=", "--enable-leader-election=false"]
        command = ["/usr/bin/env", *environment, str(program), *quiet, "--requeue-dependency=1s", *flags]
        self._processes.start(CONTROLLER, command)

    def stop(self) -> None:
        """End the controller."""
        self._processes.stop(CONTROLLER)

    @contextmanager
    def gated(self, gate: str) -> Iterator[None]:
        """Run the controller with a feature gate."""
        self.start(f"--feature-gates={gate}=true")
        try:
            yield
        finally:
            self.start()

    def log(self) -> str:
        """Return the end of the controller's log."""
        return "\n".join(self._processes.log(CONTROLLER).read_text(errors="replace").splitlines()[-20:])


class Deployment:
    """A source and the Kustomizations that deploy its folders into a place."""

    def __init__(self, flux: Flux, place: Place) -> None:
        self.flux = flux
        self.place = place
        self.name = place.name
        self._made: list[str] = []

    def commit(self, files: dict[str, Any]) -> str:
        """Commit objects by path; return the revision, as Flux writes it."""
        artifact = self.flux.artifacts.publish(files)
        path = _source(self.name)
        if self.flux.client.find(path) is None:
            body = {
                "apiVersion": "source.toolkit.fluxcd.io/v1",
                "kind": "GitRepository",
                "metadata": {"name": self.name, "namespace": NAMESPACE},
                "spec": {"url": "https://git.example/simulations", "interval": "10m"},
            }
            self.flux.client.create(_source(), body)
        condition = {
            "type": "Ready",
            "status": "True",
            "reason": "Succeeded",
            "message": "published",
            "lastTransitionTime": artifact["lastUpdateTime"],
        }
        status = {"observedGeneration": 1, "artifact": artifact, "conditions": [condition]}
        self.flux.client.patch(f"{path}/status", {"status": status})
        return str(artifact["revision"])

    def deploy(self, folder: str, **spec: Any) -> "Kustomization":
        """Deploy a folder of the repository; keywords are fields of the Kustomization's spec."""
        name = f"{self.name}-{folder}"
        body = {
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
            "kind": "Kustomization",
            "metadata": {"name": name, "namespace": NAMESPACE},
            "spec": {
                "sourceRef": {"kind": "GitRepository", "name": self.name},
                "path": f"./{folder}",
                "targetNamespace": self.place.name,
                "interval": "10m",
                "retryInterval": "2s",
                "timeout": "1m",
                "prune": True,
                **spec,
            },
        }
        self.flux.client.create(_kustomization(), body)
        self._made.append(name)
        return Kustomization(self, name)

    def apply(self, files: dict[str, Any], **spec: Any) -> "Kustomization":
        """Commit the folder `wing`, deploy it, and wait until it is applied."""
        revision = self.commit(files)
        made = self.deploy("wing", **spec)
        made.wait_ready(revision)
        return made

    def request(self, name: str) -> None:
        """Have a Kustomization reconciled now, and wait until that has happened."""
        path = _kustomization(name)
        token = self._request(path)
        eventually(
            lambda: self.flux.client.get(path).get("status", {}).get("lastHandledReconcileAt") == token,
            lambda: f"Flux does not reconcile {name}:\n{self.flux.log()}",
        )

    def leave(self) -> None:
        """Delete all of it; what is deployed is pruned."""
        for name in self._made:
            self.flux.client.delete(_kustomization(name))
        self.flux.client.delete(_source(self.name))

    def _request(self, path: str) -> str:
        # https://fluxcd.io/flux/components/kustomize/kustomizations/#triggering-a-reconcile
        token = f"test-{next(_TOKENS)}"
        self.flux.client.patch(path, {"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": token}}})
        return token


class Kustomization:
    """A Kustomization of a deployment."""

    def __init__(self, deployment: Deployment, name: str) -> None:
        self.name = name
        self._deployment = deployment
        self._client = deployment.flux.client

    @property
    def status(self) -> Object:
        found: Object = self._client.get(_kustomization(self.name)).get("status", {})
        return found

    @property
    def ready(self) -> Object:
        """Return the condition Ready; empty if there is none."""
        return self._condition("Ready")

    def reconcile(self) -> None:
        """Have it reconciled now; return when that has happened."""
        self._deployment.request(self.name)

    def wait_ready(self, revision: str, seconds: float = 60) -> None:
        """Wait until a revision is applied and everything in it is healthy."""
        self._wait(lambda: self._is("True") and self.status.get("lastAppliedRevision") == revision, revision, seconds)

    def wait_refused(self, revision: str, words: str, seconds: float = 60) -> str:
        """Wait until a revision has failed with these words; return the whole message."""
        self._wait(
            lambda: (
                self._is("False")
                and self.status.get("lastAttemptedRevision") == revision
                and words in self.ready["message"]
            ),
            f"{words!r} for {revision}",
            seconds,
        )
        return str(self.ready["message"])

    def wait_for_health(self, seconds: float = 60) -> None:
        """Wait until it waits for the health of what it has applied."""
        self._wait(lambda: "health checks" in self._condition("Reconciling").get("message", ""), "health", seconds)

    def _condition(self, kind: str) -> Object:
        return next((each for each in self.status.get("conditions", []) if each["type"] == kind), {})

    def _is(self, status: str) -> bool:
        return bool(self.ready.get("status") == status)

    def _wait(self, holds: Callable[[], bool], what: str, seconds: float) -> None:
        eventually(
            holds,
            lambda: f"{self.name} waits for {what}: {json.dumps(self.status)}\n{self._deployment.flux.log()}",
            seconds,
        )


def _source(name: str = "") -> str:
    return _path("source.toolkit.fluxcd.io", "gitrepositories", name)


def _kustomization(name: str = "") -> str:
    return _path("kustomize.toolkit.fluxcd.io", "kustomizations", name)


def _path(group: str, plural: str, name: str) -> str:
    return f"/apis/{group}/v1/namespaces/{NAMESPACE}/{plural}" + (f"/{name}" if name else "")
