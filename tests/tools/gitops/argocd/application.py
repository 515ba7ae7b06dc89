"""An Application of Argo CD: what a test commits, and what becomes of it."""

import json
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

from integration.support.client import Object
from integration.support.sweeps import Place, eventually
from tools.gitops.argocd.argocd import NAMESPACE, ArgoCD
from tools.gitops.repository import Repository

_PATH: Final = f"/apis/argoproj.io/v1alpha1/namespaces/{NAMESPACE}/applications"
_CASCADE: Final = "resources-finalizer.argocd.argoproj.io"


class Application:
    """An Application that deploys a repository into a place, by itself after each commit."""

    def __init__(self, argo: ArgoCD, place: Place, repository: Repository) -> None:
        self.argo = argo
        self.place = place
        self.repository = repository
        self.name = place.name
        self.path = f"{_PATH}/{self.name}"

    def apply(self, files: Mapping[str, Any], *options: str, **spec: Any) -> str:
        """Commit, deploy and wait until it is synced; the arguments are those of `deploy`."""
        revision = self.deploy(files, *options, **spec)
        self.wait_synced(revision)
        return revision

    def deploy(
        self, files: Mapping[str, Any], *options: str, notes: Mapping[str, str] | None = None, **spec: Any
    ) -> str:
        """Commit and deploy; return the revision.

        `options` are sync options, `notes` annotations of the Application, other keywords fields of its spec.
        """
        revision = self.repository.commit(files)
        metadata = {"name": self.name, "namespace": NAMESPACE, "annotations": {**(notes or {})}}
        body = {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Application",
            "metadata": {**metadata, "finalizers": [_CASCADE]},
            "spec": {
                "project": "default",
                "source": {"repoURL": self.repository.url, "targetRevision": "main", "path": "wing"},
                "destination": {"server": "https://kubernetes.default.svc", "namespace": self.place.name},
                "syncPolicy": {
                    "automated": {"prune": True, "selfHeal": True},
                    "syncOptions": list(options),
                    "retry": {"limit": 1, "backoff": {"duration": "1s"}},
                },
                **spec,
            },
        }
        self.argo.client.create(_PATH, body)
        return revision

    def commit(self, files: Mapping[str, Any]) -> str:
        """Commit, and have Argo CD look."""
        revision = self.repository.commit(files)
        self.refresh()
        return revision

    def refresh(self) -> None:
        """Have Argo CD compare Git with the cluster now, and wait until it has."""
        note = "argocd.argoproj.io/refresh"
        self.argo.client.patch(self.path, {"metadata": {"annotations": {note: "hard"}}})
        eventually(lambda: note not in self._metadata().get("annotations", {}), self.explain, seconds=60)

    @property
    def status(self) -> Object:
        found: Object = self.argo.client.get(self.path).get("status", {})
        return found

    @property
    def health(self) -> str:
        return str(self.status.get("health", {}).get("status"))

    @property
    def operation(self) -> Object:
        """Return the state of the last sync."""
        found: Object = self.status.get("operationState", {})
        return found

    def wait_synced(self, revision: str) -> None:
        """Wait until a revision is deployed."""

        def is_synced() -> bool:
            sync = self.status.get("sync", {})
            return bool(sync.get("status") == "Synced" and sync.get("revision") == revision)

        eventually(is_synced, self.explain, seconds=60)

    def wait_health(self, health: str) -> None:
        """Wait until its health is this."""
        eventually(lambda: self.health == health, lambda: f"not {health}: {self.explain()}", seconds=60)

    def actions(self, name: str = "sweep") -> set[str]:
        """Return the actions that Argo CD offers for a sweep."""
        found = self.argo.ask("GET", f"v1/applications/{self.name}/resource/actions?{urlencode(self._sweep(name))}")
        return {each["name"] for each in found.get("actions") or [] if not each.get("disabled")}

    def act(self, action: str, name: str = "sweep", **parameters: str) -> None:
        """Run an action, as a click does."""
        pairs = [{"name": key, "value": value} for key, value in parameters.items()]
        body = {**self._sweep(name), "action": action, "resourceActionParameters": pairs}
        self.argo.ask("POST", f"v1/applications/{self.name}/resource/actions/v2", body)

    def explain(self) -> str:
        """Return all that a person needs who looks at a failure."""
        return f"{json.dumps(self.status, indent=1)}\n{self.argo.log('argocd-application-controller')}"

    def terminate(self) -> None:
        """End the sync that runs, as `argocd app terminate-op` does."""
        self.argo.type("app", "terminate-op", self.name)

    def delete(self) -> None:
        """Delete it with what it has deployed, as Argo CD does when it may."""
        self.argo.client.delete(self.path)

    @property
    def exists(self) -> bool:
        return self.argo.client.find(self.path) is not None

    def leave(self) -> None:
        """Delete it; what it has deployed stays, and nothing holds up the deletion."""
        if self.exists:
            self.argo.client.patch(self.path, {"metadata": {"finalizers": None}, "operation": None})
            self.delete()

    def _metadata(self) -> Object:
        found: Object = self.argo.client.get(self.path)["metadata"]
        return found

    def _sweep(self, name: str) -> dict[str, str]:
        return {
            "namespace": self.place.name,
            "resourceName": name,
            "version": "v1beta1",
            "group": "simjob.dev",
            "kind": "SimulationJob",
        }
