"""Limits that a namespace's administrator sets: a LimitRange with defaults, and quotas. They are in force on return."""

from integration.support import client as paths
from integration.support.client import Client, Object
from integration.support.sweeps import eventually
from integration.worlds.dryrun import admitted


def limit_range(client: Client, namespace: str, *, name: str = "defaults", **default: str) -> str:
    """Give each container default limits, such as `cpu="1"`; return the path of the LimitRange."""
    folder = paths.core(namespace, "limitranges")
    spec = {"limits": [{"type": "Container", "default": default}]}
    client.create(folder, {"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": name}, "spec": spec})

    def applies() -> bool:
        [container] = admitted(client, namespace)["spec"]["containers"]
        limits: Object = container.get("resources", {}).get("limits", {})
        return limits == default

    eventually(applies, lambda: f"the LimitRange {name} does not apply")
    return f"{folder}/{name}"


def quota(client: Client, namespace: str, hard: Object, *, name: str = "quota") -> str:
    """Limit what a namespace may hold, such as `{"count/jobs.batch": "4"}`; return the path of the quota."""
    path = f"{paths.core(namespace, 'resourcequotas')}/{name}"
    body = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": name}, "spec": {"hard": hard}}
    client.create(paths.core(namespace, "resourcequotas"), body)
    eventually(lambda: client.get(path).get("status", {}).get("hard") == hard, lambda: f"{name} is not counted")
    return path
