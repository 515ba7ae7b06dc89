"""Fake nodes: what they advertise, and how KWOK is started to play them."""

import http
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cluster.control.api import Api, is_ready
from cluster.errors import ClusterError
from cluster.life import state
from cluster.options import Nodes

STAGES = Path(__file__).parent / "stages.yaml"
CAPACITY = {"cpu": "64", "memory": "256Gi", "ephemeral-storage": "1Ti", "pods": "1000", "nvidia.com/gpu": "8"}
MARK = "kwok.x-k8s.io/node"

# With stock parallelism (4) KWOK, not the control plane, would be what a benchmark measures.
PARALLELISM = 64


def command(state_folder: Path, program: Path, nodes: Nodes) -> list[str]:
    """Write KWOK's configuration and return its command line."""
    configuration = {
        "apiVersion": "config.kwok.x-k8s.io/v1alpha1",
        "kind": "KwokConfiguration",
        "options": {
            # Nobody can reach these addresses; they are only shown.
            "cidr": "100.64.0.0/10",
            "nodeIP": "127.0.0.1",
            "manageNodesWithAnnotationSelector": f"{MARK}=fake",
            "podPlayStageParallelism": PARALLELISM,
            "nodePlayStageParallelism": PARALLELISM,
            "nodeLeaseParallelism": 8,
            "podsOnNodeSyncParallelism": 8,
            # Renewed at a quarter of it, well within the controller manager's patience.
            "nodeLeaseDurationSeconds": 20 if nodes.has_real else 40,
        },
    }
    path = state_folder / "kwok.json"
    state.write_atomically(path, json.dumps(configuration, indent=2) + "\n")
    return [
        str(program),
        f"--kubeconfig={state_folder / 'kwok.kubeconfig'}",
        f"--config={path}",
        f"--config={STAGES}",
        # Otherwise it writes a line for every change of every pod.
        "--v=WARN",
    ]


def register(api: Api, nodes: Nodes, count: int) -> None:
    """Register the fake nodes that are missing."""
    present = api.nodes()
    for index in range(count):
        if name(index) not in present:
            status, answer = api.ask("POST", "/api/v1/nodes", manifest(index, taints(nodes)))
            if status != http.HTTPStatus.CREATED:
                raise ClusterError(f"the fake node {name(index)} was refused ({status}): {answer}")


def release(api: Api, nodes: Nodes) -> None:
    """Give the fake nodes that are ready the taints they should have, and no others.

    The controller manager takes off what holds a new node back, too, but with its stock rate limit it needs a quarter
    of a second for each node.
    """
    wanted = taints(nodes)
    for node, content in api.nodes().items():
        if is_fake(content) and is_ready(content) and content["spec"].get("taints", []) != wanted:
            api.ask("PATCH", f"/api/v1/nodes/{node}", {"spec": {"taints": wanted}})


def taints(nodes: Nodes) -> list[dict[str, str]]:
    """Return the taints of a fake node: beside a real one, only pods which ask for it come to it."""
    return [{"key": MARK, "value": "fake", "effect": "NoSchedule"}] if nodes.has_real else []


def name(index: int) -> str:
    return f"kwok-{index}"


def is_name(node: str) -> bool:
    """Say whether it is the name of one of the nodes made here; tests may make others."""
    return node.startswith("kwok-") and node.removeprefix("kwok-").isdigit()


def manifest(index: int, taints: list[dict[str, str]]) -> dict[str, Any]:
    """Describe a fake node."""
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name(index),
            "labels": {
                "type": "kwok",
                "kubernetes.io/hostname": name(index),
                "kubernetes.io/os": "linux",
                "kubernetes.io/arch": "amd64",
                # The controller manager would add these, which takes it a while for many nodes.
                "beta.kubernetes.io/os": "linux",
                "beta.kubernetes.io/arch": "amd64",
            },
            "annotations": {MARK: "fake"},
        },
        "spec": {"taints": taints},
        "status": {"allocatable": CAPACITY, "capacity": CAPACITY},
    }


def is_fake(node: Mapping[str, Any]) -> bool:
    """Say whether KWOK plays the node."""
    return MARK in node["metadata"].get("annotations", {})
