"""Sidecar injectors as other clusters have them, played by admission policies. For fake and for real nodes."""

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum

from cluster.images import oci
from integration.support import needs
from integration.support.client import Client
from integration.support.sweeps import eventually
from integration.worlds.dryrun import admitted, refusal

GROUP = "/apis/admissionregistration.k8s.io/v1"
SIDECAR = "mesh-proxy"
# Runs until its kubelet stops it, and then ends with the code of a process that SIGTERM has killed.
UNTIL_STOPPED = "trap 'exit 143' TERM; while :; do sleep 1; done"


class Position(StrEnum):
    """Where an injector puts its container."""

    FIRST = "first"
    LAST = "last"
    NATIVE = "native"  # an init container with restartPolicy Always


@contextmanager
def injected(
    client: Client, namespace: str, position: Position, *, script: str = UNTIL_STOPPED, name: str = SIDECAR
) -> Iterator[None]:
    """Inject a container that runs a shell script into each pod that is created in a namespace."""
    with _policy(client, namespace, _injection(position, name, script)):
        eventually(lambda: name in _names(client, namespace), lambda: f"{name} is not injected")
        yield
    eventually(lambda: name not in _names(client, namespace), lambda: f"{name} is still injected")


@contextmanager
def broken_injector(client: Client, namespace: str) -> Iterator[None]:
    """Inject a mount without its volume: the API server's own validation refuses each pod, by 422 with fields."""
    value = "Object.spec.containers.volumeMounts{name: 'mesh-certs', mountPath: '/etc/mesh'}"
    with _policy(client, namespace, _appended("containers[0].volumeMounts", value)):
        eventually(lambda: refusal(client, namespace) is not None, lambda: "no pod is refused")
        yield
    eventually(lambda: refusal(client, namespace) is None, lambda: "pods are still refused")


def _injection(position: Position, name: str, script: str) -> str:
    folder = "initContainers" if position is Position.NATIVE else "containers"
    fields = [
        f"name: {json.dumps(name)}",
        f"image: {json.dumps(oci.BUSYBOX)}",
        "imagePullPolicy: 'IfNotPresent'",
        f"command: ['sh', '-c', {json.dumps(script)}]",
    ]
    if position is Position.NATIVE:
        fields.append("restartPolicy: 'Always'")
    value = f"Object.spec.{folder}{{{', '.join(fields)}}}"
    if position is Position.FIRST:
        return f"[{_add('/spec/containers/0', value)}]"
    return _appended(folder, value)


def _appended(field: str, value: str) -> str:
    """Append to a list of the pod's spec, which may be absent."""
    path = "/spec/" + field.replace("[", "/").replace("].", "/")
    return f"(has(object.spec.{field}) ? [] : [{_add(path, '[]')}]) + [{_add(f'{path}/-', value)}]"


def _add(path: str, value: str) -> str:
    return f"JSONPatch{{op: 'add', path: '{path}', value: {value}}}"


def _names(client: Client, namespace: str) -> list[str]:
    spec = admitted(client, namespace)["spec"]
    return [found["name"] for found in (*spec.get("initContainers", []), *spec["containers"])]


@contextmanager
def _policy(client: Client, namespace: str, expression: str) -> Iterator[None]:
    needs.mutating_policies(client)
    name = f"{namespace}-{secrets.token_hex(3)}"
    kinds = {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"], "operations": ["CREATE"]}
    policy = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingAdmissionPolicy",
        "metadata": {"name": name},
        "spec": {
            "failurePolicy": "Fail",
            "reinvocationPolicy": "Never",
            "matchConstraints": {"resourceRules": [kinds]},
            "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": expression}}],
        },
    }
    selector = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}}
    binding = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingAdmissionPolicyBinding",
        "metadata": {"name": name},
        "spec": {"policyName": name, "matchResources": selector},
    }
    paths = [f"{GROUP}/mutatingadmissionpolicies", f"{GROUP}/mutatingadmissionpolicybindings"]
    for path, body in zip(paths, (policy, binding), strict=True):
        client.create(path, body)
    try:
        yield
    finally:
        for path in reversed(paths):
            client.delete(f"{path}/{name}")
