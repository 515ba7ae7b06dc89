"""What the API server would make of a plain pod, by a dry run."""

import json

from integration.support.client import Client, Object, RefusedError, pods


def plain_pod(name: str = "plain", **container: object) -> Object:
    """Describe a pod of one container."""
    content = {"name": "simulation", "image": "none", **container}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {"restartPolicy": "Never", "containers": [content]},
    }


def admitted(client: Client, namespace: str, pod: Object | None = None) -> Object:
    """Return the pod as the API server would store it. Ask once: an answer of 500 is what some tests want."""
    code, answer = client.once("POST", f"{pods(namespace)}?dryRun=All", pod or plain_pod())
    if code >= 400:
        raise RefusedError(code, answer)
    found: Object = json.loads(answer)
    return found


def refusal(client: Client, namespace: str, pod: Object | None = None) -> RefusedError | None:
    """Return how the API server refuses the pod; None if it would take it."""
    try:
        admitted(client, namespace, pod)
    except RefusedError as refused:
        return refused
    return None
