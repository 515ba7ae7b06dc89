"""What kube-state-metrics reads of a SimulationJob exists, and it may read it. These tests do not run it."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
import yaml
from simjob.api import names
from simjob.api.crd import generate
from simjob.api.status import Phase

Object = dict[str, Any]
Render = Callable[[str], Mapping[tuple[str, str, str], Object]]

COMPONENT = "manifests/components/monitoring"
NAME = "simjob-kube-state-metrics"


@pytest.fixture
def kind(render: Render) -> Object:
    """The only kind that the configuration shows."""
    content = render(COMPONENT)["ConfigMap", "kube-system", NAME]["data"]["simjob.yaml"]
    (found,) = yaml.safe_load(content)["spec"]["resources"]
    shown: Object = found
    return shown


def paths(node: Any) -> Iterator[list[str]]:
    """The paths that a metric names: the elements of labelsFromPath and valueFrom begin below those of path."""
    start = node.get("path", [])
    yield start
    yield from ([*start, *path] for path in node.get("labelsFromPath", {}).values())
    if "valueFrom" in node:
        yield [*start, *node["valueFrom"]]


def below(schema: Object, path: list[str]) -> Object:
    """The schema of a field; a list is read element by element."""
    for name in path:
        schema = schema.get("items", schema)["properties"][name]
    return schema


def test_every_field_of_a_metric_exists(kind: Object) -> None:
    (version,) = yaml.load(generate.render(), yaml.CSafeLoader)["spec"]["versions"]
    schema = version["schema"]["openAPIV3Schema"]
    metadata: Object = {name: {} for name in ("name", "namespace", "uid", "creationTimestamp")}
    schema["properties"]["metadata"] = {"properties": metadata}
    each = [metric["each"] for metric in kind["metrics"]]
    named = [path for one in each for node in one.values() if isinstance(node, dict) for path in paths(node)]
    assert len(named) > len(each)
    for path in [*named, *kind["labelsFromPath"].values()]:
        below(schema, path)


def test_a_job_is_always_in_one_of_the_phases(kind: Object) -> None:
    (phases,) = (metric["each"]["stateSet"] for metric in kind["metrics"] if metric["name"] == "status_phase")
    assert phases["list"] == list(Phase)


def test_its_account_may_list_and_watch_the_kind_and_nothing_else_of_the_group(kind: Object, render: Render) -> None:
    assert kind["groupVersionKind"] == {"group": names.GROUP, "version": names.VERSION, "kind": names.KIND}
    rules = render(COMPONENT)["ClusterRole", "", NAME]["rules"]
    assert [rule for rule in rules if names.GROUP in rule["apiGroups"]] == [
        {"apiGroups": [names.GROUP], "resources": [names.PLURAL], "verbs": ["list", "watch"]}
    ]
