"""What Flux and Argo CD send to the API server, played with kubectl. Neither of them runs here.

Flux: https://github.com/fluxcd/pkg/tree/main/ssa, as kustomize-controller configures it in `apply`:
https://github.com/fluxcd/kustomize-controller/blob/main/internal/controller/kustomization_controller.go
Argo CD: https://argo-cd.readthedocs.io/en/stable/user-guide/sync-options/
"""

import json
from typing import Any, Final

from cluster.provider import Cluster
from integration.support.client import Object
from integration.support.sweeps import Place, Sweep, a_template

FLUX: Final = "kustomize-controller"
ARGO_CD: Final = "argocd-controller"
FLUX_POLICY: Final = "kustomize.toolkit.fluxcd.io/ssa"
_TAKEN_OVER: Final = ("kubectl", "before-first-apply")


def in_git(*, annotations: dict[str, str] | None = None, **spec: Any) -> Object:
    """Make the manifest that is in Git; keywords are fields of its spec."""
    return {
        "apiVersion": "simjob.dev/v1beta1",
        "kind": "SimulationJob",
        "metadata": {"name": "sweep", "annotations": annotations or {}},
        "spec": {"cases": {"count": 3}, "template": a_template(stop=1), **spec},
    }


class Tools:
    """Flux, Argo CD and a person at the terminal, in one namespace."""

    def __init__(self, cluster: Cluster, place: Place) -> None:
        self._cluster = cluster
        self._place = place

    def kubectl(self, *arguments: str, stdin: Object | None = None) -> str:
        """Run it; ClusterError with its own words if it fails."""
        text = None if stdin is None else json.dumps(stdin)
        return self._cluster.run_kubectl(f"--namespace={self._place.name}", *arguments, stdin=text)

    def read(self) -> Object:
        """Read the SimulationJob, with who set which of its fields."""
        found: Object = json.loads(self.kubectl("get", "simjob", "sweep", "-o", "json", "--show-managed-fields"))
        return found

    def sweep(self) -> Sweep:
        """Give the SimulationJob that is there now."""
        return Sweep(self._place, "sweep", self.read()["metadata"]["uid"])

    def patch(self, spec: str, *options: str) -> None:
        """Patch it as a person does."""
        self.kubectl("patch", "simjob", "sweep", "--type=merge", "-p", f'{{"spec":{spec}}}', *options)

    def flux(self, manifest: Object) -> None:
        """Reconcile: make what kubectl set Flux's own, then apply by force, which removes what is not in Git."""
        exists = self.kubectl("get", "simjob", "sweep", "--ignore-not-found", "-o", "name")
        if exists and manifest["metadata"]["annotations"].get(FLUX_POLICY) != "Merge":
            owners = taken_over(self.read()["metadata"]["managedFields"])
            change = [{"op": "replace", "path": "/metadata/managedFields", "value": owners}]
            flags = ("--type=json", f"--field-manager={FLUX}", "-p", json.dumps(change))
            self.kubectl("patch", "simjob", "sweep", *flags)
        self.kubectl(
            "apply", "--server-side", "--force-conflicts", f"--field-manager={FLUX}", "-f", "-", stdin=manifest
        )

    def argo_cd(self, manifest: Object, *, server_side: bool = False) -> None:
        """Sync: a three-way apply, or a server-side one by force."""
        how = ("--server-side", "--force-conflicts") if server_side else ()
        self.kubectl("apply", *how, f"--field-manager={ARGO_CD}", "-f", "-", stdin=manifest)


def taken_over(entries: list[Object]) -> list[Object]:
    """Give the managed fields with those of kubectl's managers merged into Flux's own."""
    own = [entry for entry in entries if (entry["manager"], entry["operation"]) == (FLUX, "Apply")]
    theirs = [entry for entry in entries if entry["manager"].startswith(_TAKEN_OVER) and not entry.get("subresource")]
    if not theirs:
        return entries
    first, *rest = *own, *theirs
    fields: Object = first["fieldsV1"]
    for entry in rest:
        fields = _union(fields, entry["fieldsV1"])
    kept = [entry for entry in entries if entry not in own and entry not in theirs]
    return [*kept, {**first, "manager": FLUX, "operation": "Apply", "fieldsV1": fields}]


def _union(one: Object, other: Object) -> Object:
    return {**one, **{key: _union(one.get(key, {}), part) for key, part in other.items()}}
