"""Flux's source-controller and kustomize-controller as processes on the test cluster, and what they deploy."""

import itertools
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from cluster.host import addresses
from cluster.host.processes import Processes
from cluster.kubectl import wait_established
from cluster.provider import Cluster
from cluster.report import Report
from external import programs
from external.programs import TOOLS
from integration.support.client import Client, Object
from integration.support.sweeps import Place, eventually
from tools.gitops.repository import Repository

NAMESPACE: Final = "flux-system"
SOURCES: Final = "source-controller"
KUSTOMIZE: Final = "kustomize-controller"
_TOKENS = itertools.count(1)


class Flux:
    """The controllers, as administrator. Flux's own installation gives them the ClusterRole cluster-admin, too."""

    def __init__(self, cluster: Cluster, client: Client) -> None:
        self.client = client
        self._cluster = cluster
        self._port = addresses.free_ports(["sources"])["sources"]
        # With the cluster's mark, so that it ends the controllers with itself.
        self._processes = Processes(cluster.state.id, cluster.state.folder / "flux", cluster.state.logs)
        self._processes.records.mkdir(exist_ok=True)

    def install(self) -> None:
        """Apply the CRDs of the releases that are built, and make the namespace."""
        for name in (SOURCES, KUSTOMIZE):
            sources = programs.source(TOOLS[name], f"github.com/fluxcd/{name}")
            self._cluster.run_kubectl("apply", "--server-side", "-f", str(sources / "config/crd/bases"))
        wait_established(self._cluster.run_kubectl, "gitrepositories", "source.toolkit.fluxcd.io")
        wait_established(self._cluster.run_kubectl, "kustomizations", "kustomize.toolkit.fluxcd.io")
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
        self._cluster.run_kubectl("apply", "-f", "-", stdin=json.dumps(namespace))

    def start(self, *flags: str) -> None:
        """Start the controllers. The flags are for the kustomize-controller, which is restarted if they differ."""
        archives, address = self._processes.records / "archives", f"127.0.0.1:{self._port}"
        archives.mkdir(exist_ok=True)
        self._start(SOURCES, f"--storage-path={archives}", f"--storage-addr={address}", f"--storage-adv-addr={address}")
        self._start(KUSTOMIZE, "--requeue-dependency=1s", *flags)

    def stop(self) -> None:
        """End the controllers."""
        for name in self._processes.names():
            self._processes.stop(name)

    @contextmanager
    def gated(self, gate: str) -> Iterator[None]:
        """Run the kustomize-controller with a feature gate."""
        self.start(f"--feature-gates={gate}=true")
        try:
            yield
        finally:
            self.start()

    def log(self, name: str = KUSTOMIZE) -> str:
        """Return the end of a controller's log."""
        return "\n".join(self._processes.log(name).read_text(errors="replace").splitlines()[-20:])

    def _start(self, name: str, *flags: str) -> None:
        program = programs.provide(TOOLS[name], Report()) / name
        environment = [f"KUBECONFIG={self._cluster.kubeconfig.resolve()}", f"RUNTIME_NAMESPACE={NAMESPACE}"]
        quiet = ["--metrics-addr=0", "--health-addr=0", "--events-addr=", "--enable-leader-election=false"]
        self._processes.start(name, ["/usr/bin/env", *environment, str(program), *quiet, *flags])


class Deployment:
    """A repository and the Kustomizations that deploy its folders into a place."""

    def __init__(self, flux: Flux, place: Place, repository: Repository) -> None:
        self.flux = flux
        self.place = place
        self.name = place.name
        self._repository = repository
        self._made: list[str] = []

    def commit(self, files: Mapping[str, Any]) -> str:
        """Commit objects by path, and have Flux fetch them; return the revision, as Flux writes it."""
        revision = f"main@sha1:{self._repository.commit(files)}"
        source = _source(self.name)
        if self.flux.client.find(source) is None:
            body = {
                "apiVersion": "source.toolkit.fluxcd.io/v1",
                "kind": "GitRepository",
                "metadata": {"name": self.name, "namespace": NAMESPACE},
                "spec": {"url": self._repository.url, "ref": {"branch": "main"}, "interval": "10m"},
            }
            self.flux.client.create(_source(), body)
        else:
            self._ask(source)
        eventually(
            lambda: self._fetched(source).get("artifact", {}).get("revision") == revision,
            lambda: f"{revision} is not fetched: {self._fetched(source)}\n{self.flux.log(SOURCES)}",
            seconds=60,
        )
        return revision

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

    def apply(self, files: Mapping[str, Any], **spec: Any) -> "Kustomization":
        """Commit the folder `wing`, deploy it, and wait until it is applied."""
        revision = self.commit(files)
        made = self.deploy("wing", **spec)
        made.wait_ready(revision)
        return made

    def request(self, name: str) -> None:
        """Have a Kustomization reconciled now, and wait until that has happened."""
        path = _kustomization(name)
        token = self._ask(path)
        eventually(
            lambda: self.flux.client.get(path).get("status", {}).get("lastHandledReconcileAt") == token,
            lambda: f"Flux does not reconcile {name}:\n{self.flux.log()}",
        )

    def leave(self) -> None:
        """Delete all of it; what is deployed is pruned."""
        for name in self._made:
            self.flux.client.delete(_kustomization(name))
        self.flux.client.delete(_source(self.name))

    def _fetched(self, source: str) -> Object:
        found: Object = self.flux.client.get(source).get("status", {})
        return found

    def _ask(self, path: str) -> str:
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
