"""The operator's manifests on the test cluster, without its Deployment: the processes here take its place."""

import json
from pathlib import Path
from typing import Any

import yaml
from cluster import deploy
from cluster.kubectl import kustomize, wait_established
from cluster.provider import Cluster
from integration.support.client import Client
from simjob.api import names

MANIFESTS = Path(__file__).parents[3] / "manifests"
ACCOUNT = "simjob-operator"
SYSTEM = deploy.NAMESPACE
_RUN_BY_US = ("Deployment", "PodDisruptionBudget", "NetworkPolicy")


def install(cluster: Cluster, client: Client, folder: Path, system: str = SYSTEM) -> Path:
    """Apply a kustomization; return a kubeconfig for the operator's ServiceAccount in the namespace `system`."""
    rendered = kustomize(folder).replace(SYSTEM, system)
    found = [item for item in yaml.safe_load_all(rendered) if item["kind"] not in _RUN_BY_US]
    content = {"apiVersion": "v1", "kind": "List", "items": found}
    options = ("--server-side", "--force-conflicts", "--warnings-as-errors")
    cluster.run_kubectl("apply", *options, "-f", "-", stdin=json.dumps(content))
    wait_established(cluster.run_kubectl, names.PLURAL, names.GROUP)
    return credentials(cluster, client, system)


def credentials(cluster: Cluster, client: Client, system: str = SYSTEM) -> Path:
    """Return a kubeconfig for the operator's ServiceAccount, which is installed already."""
    token = cluster.run_kubectl("create", "token", ACCOUNT, f"--namespace={system}", "--duration=4h").strip()
    path = cluster.state.folder / f"{system}.kubeconfig"
    path.write_text(json.dumps(kubeconfig(client, ACCOUNT, token)))
    path.chmod(0o600)
    return path


def kubeconfig(client: Client, account: str, token: str) -> dict[str, Any]:
    """Return the content of a kubeconfig for a ServiceAccount."""
    cluster = {"server": client.server, "certificate-authority-data": client.authority}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "test", "cluster": cluster}],
        "users": [{"name": account, "user": {"token": token}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": account}}],
        "current-context": "test",
    }
