"""Create a service account for each process, so that the audit log distinguishes them.

The administrator of the test cluster is in system:masters, which API Priority and Fairness lets pass before all
others: a reference with those rights would not be measured under the rules that the operator is under.
"""

import json
from pathlib import Path

import yaml
from cluster.provider import Cluster

NAMESPACE = "bench-system"


def account(name: str, namespace: str = NAMESPACE) -> str:
    """Give the user name of an account, as the audit log has it."""
    return f"system:serviceaccount:{namespace}:{name}"


def make(cluster: Cluster, name: str) -> Path:
    """Make an account that may do everything; return a kubeconfig with its token."""
    subject = {"kind": "ServiceAccount", "name": name, "namespace": NAMESPACE}
    objects = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": NAMESPACE}},
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": f"bench-{name}"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
            "subjects": [subject],
        },
    ]
    content = {"apiVersion": "v1", "kind": "List", "items": objects}
    cluster.run_kubectl("apply", "--server-side", "-f", "-", stdin=json.dumps(content))
    token = cluster.run_kubectl("create", "token", name, f"--namespace={NAMESPACE}", "--duration=12h").strip()
    admin = yaml.safe_load(cluster.kubeconfig.read_text())
    user = {"clusters": admin["clusters"], "contexts": admin["contexts"], "current-context": admin["current-context"]}
    context = admin["contexts"][0]["context"]["user"]
    path = cluster.state.folder / f"bench-{name}.kubeconfig"
    path.write_text(json.dumps({**user, "users": [{"name": context, "user": {"token": token}}]}))
    path.chmod(0o600)
    return path
