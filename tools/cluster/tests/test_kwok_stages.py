"""KWOK's stages: what they must never do, and that their annotations are documented."""

import re

import yaml
from cluster.kwok import fakenodes
from cluster.options import Nodes

TEXT = fakenodes.STAGES.read_text()
STAGES = {stage["metadata"]["name"]: stage["spec"] for stage in yaml.safe_load_all(TEXT)}


def test_finalizers_are_never_changed() -> None:
    assert not [name for name, stage in STAGES.items() if any("finalizers" in step for step in stage["steps"])]


def test_only_a_deleted_pod_is_removed() -> None:
    removing = [name for name, stage in STAGES.items() if any(step.get("delete") for step in stage["steps"])]
    assert removing == ["pod-gone"]
    condition = {"key": ".metadata.deletionTimestamp", "operator": "Exists"}
    assert condition in STAGES["pod-gone"]["selector"]["matchExpressions"]


def test_the_header_names_every_annotation() -> None:
    header = "".join(line for line in TEXT.splitlines(keepends=True) if line.startswith("#"))
    annotation = r"kwok\.simjob\.dev/[a-z-]+"
    assert set(re.findall(annotation, header)) == set(re.findall(annotation, TEXT))


def test_fake_nodes_are_tainted_only_beside_a_real_one() -> None:
    assert fakenodes.taints(Nodes.KWOK) == []
    assert fakenodes.taints(Nodes.BOTH) == [{"key": "kwok.x-k8s.io/node", "value": "fake", "effect": "NoSchedule"}]


def test_only_generated_names_count_as_fake_nodes() -> None:
    assert fakenodes.is_name(fakenodes.name(12))
    assert not fakenodes.is_name("kwok-gpu")
