"""The CustomResourceDefinition, generated from the models: `python -m simjob.api.crd.generate` prints it.

Needs the development dependencies (PyYAML). The API server requires a structural schema, which pydantic's is not:
https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema
"""

import sys
from collections.abc import Iterable, Set
from typing import Any, Final

import yaml

from simjob.api import names
from simjob.api.crd.descriptions import explained
from simjob.api.schema import INT32_MAX, INT64_MAX
from simjob.api.simulationjob import SimulationJob

Schema = dict[str, Any]

HEADER: Final = (
    "# Generated from operator/simjob/api: python -m simjob.api.crd.generate > crds/simulationjobs.simjob.dev.yaml\n"
)

_LINE: Final = 160
_DROPPED: Final = ("title", "$defs", "propertyNames")
# The order in which people read a field: what it is, its limits, its parts.
_FIRST: Final = ("description", "type", "format", "enum", "default")
_LAST: Final = ("required", "properties", "items", "additionalProperties")
# The API server adds defaults to every object that it reads, also to running jobs, and an older operator fails a job
# that has an unknown field. So never add a field to this list: for newer fields, the operator applies the default.
_DEFAULTED: Final = frozenset(
    {
        "spec.cases.samples.parameters[].scale",
        "spec.failurePolicy",
        "spec.failurePolicy.maxFailedCases",
        "spec.failurePolicy.onExceeded",
        "spec.history",
        "spec.history.failedCases",
        "spec.history.succeededCases",
        "spec.parallelism",
        "spec.rerunOf.outcomes",
        "spec.resources.gpu.count",
        "spec.resources.gpu.resourceName",
        "spec.retries",
        "spec.retries.limit",
        "spec.suspend",
        "spec.task",
    }
)
_API_VERSION: Final = "Version of this object's schema: simjob.dev/v1beta1."
_KIND: Final = "Kind of the object: SimulationJob."


def custom_resource_definition() -> dict[str, Any]:
    """Return the CustomResourceDefinition. The descriptions of the spec also give bounds and defaults."""
    schema = job_schema()
    # The descriptions keep the defaults that an older operator does not know.
    spec = _with_defaults(explained(schema["properties"]["spec"]), "spec", _DEFAULTED)
    return definition({**schema, "properties": {**schema["properties"], "spec": spec}})


def definition(schema: Schema) -> dict[str, Any]:
    """Return the CustomResourceDefinition for objects with this schema."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{names.PLURAL}.{names.GROUP}"},
        "spec": {
            "group": names.GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": names.KIND,
                "listKind": f"{names.KIND}List",
                "plural": names.PLURAL,
                "singular": names.SINGULAR,
                "shortNames": list(names.SHORT_NAMES),
                "categories": list(names.CATEGORIES),
            },
            "versions": [_version(schema)],
        },
    }


def _version(schema: Schema) -> dict[str, Any]:
    return {
        "name": names.VERSION,
        "served": True,
        "storage": True,
        "subresources": {
            "status": {},
            "scale": {
                "specReplicasPath": ".spec.parallelism",
                "statusReplicasPath": ".status.cases.running",
            },
        },
        "selectableFields": [
            {"jsonPath": path}
            for path in (
                ".status.phase",
                ".spec.cancel",
                ".spec.suspend",
                ".spec.type",
                ".spec.project",
                ".spec.parentJob",
                ".spec.queueName",
            )
        ],
        "additionalPrinterColumns": _columns(),
        "schema": {"openAPIV3Schema": schema},
    }


def _columns() -> list[dict[str, Any]]:
    shown = [
        _column("Phase", "string", ".status.phase", "State of the job as one word."),
        _column("Progress", "string", ".status.progress", "Succeeded and failed cases out of all cases."),
        _column("Succeeded", "integer", ".status.cases.succeeded", "Cases that succeeded."),
        _column("Failed", "integer", ".status.cases.failed", "Cases that failed."),
        _column("Cancelled", "integer", ".status.cases.cancelled", "Cases that were cancelled."),
        _column("Age", "date", ".metadata.creationTimestamp", "Time since it was created."),
    ]
    wide = [
        _column("Running", "integer", ".status.cases.running", "Cases that are running."),
        _column("Parent", "string", ".spec.parentJob", "SimulationJob that it belongs to."),
        _column("Cancelled by", "string", ".status.cancellation.requestedBy", "Who cancelled it."),
        _column("Reason", "string", ".status.reason", "Reason for the phase."),
        _column("Started", "date", ".status.startTime", "Time since it started."),
        _column("Ended", "date", ".status.completionTime", "Time since it ended."),
    ]
    return [*shown, *({**column, "priority": 1} for column in wide)]


def _column(name: str, type_: str, path: str, description: str) -> dict[str, Any]:
    return {"name": name, "type": type_, "jsonPath": path, "description": description}


def job_schema() -> Schema:
    """Return the structural schema of a SimulationJob."""
    raw = SimulationJob.model_json_schema(by_alias=True)
    schema = _structural(raw, raw["$defs"])
    properties = schema["properties"]
    # Only the operator writes a status.
    status = _with_defaults(properties["status"], "status", frozenset())
    # kstatus calls an object without a status finished. This default makes a new job "in progress" for it.
    status = {"default": {"observedGeneration": -1}, **status}
    schema["properties"] = {
        "apiVersion": {"type": "string", "description": _API_VERSION},
        "kind": {"type": "string", "description": _KIND},
        "metadata": {"type": "object"},  # described by the API server itself
        "spec": properties["spec"],
        "status": status,
    }
    schema["required"] = ["spec"]
    return schema


def _structural(schema: Schema, defs: dict[str, Schema]) -> Schema:
    """Return pydantic's JSON schema in the form that the API server accepts."""
    node = _resolve(schema, defs)
    if "const" in node:
        node["enum"] = [node.pop("const")]
    if "default" in node and node["default"] in (None, []):
        del node["default"]
    if isinstance(node.get("default"), dict):
        node["default"] = {}  # the API server then adds the defaults of its fields
    if node.get("type") == "integer":
        _bound(node)
    _descend(node, defs)
    return {key: node[key] for key in sorted(node, key=_reading_order) if key not in _DROPPED}


def _reading_order(key: str) -> tuple[int, int, str]:
    if key in _FIRST:
        return 0, _FIRST.index(key), key
    if key in _LAST:
        return 2, _LAST.index(key), key
    return 1, 0, key


def _resolve(schema: Schema, defs: dict[str, Schema]) -> Schema:
    """Return a node with references inlined and optionals unwrapped. Keys of the node itself win over theirs."""
    node = dict(schema)
    while "$ref" in node or _optional(node) is not None:
        inner = defs[node.pop("$ref").rpartition("/")[2]] if "$ref" in node else _optional(node)
        node.pop("anyOf", None)
        node = {**(inner or {}), **node}
    return node


def _optional(node: Schema) -> Schema | None:
    choices = node.get("anyOf", [])
    given = [choice for choice in choices if choice != {"type": "null"}]
    return given[0] if len(given) == 1 and len(choices) == 2 else None


def _bound(node: Schema) -> None:
    if "exclusiveMaximum" in node:
        node["maximum"] = node.pop("exclusiveMaximum") - 1
    wide = node.get("maximum", INT64_MAX) > INT32_MAX
    node["format"] = "int64" if wide else "int32"
    if node.get("maximum") == INT64_MAX:
        del node["maximum"]  # implied by int64; the API server keeps bounds as floats, and rejects this one


def _descend(node: Schema, defs: dict[str, Schema]) -> None:
    if "properties" in node:
        node["properties"] = {name: _structural(part, defs) for name, part in node["properties"].items()}
    if "items" in node:
        node["items"] = _structural(node["items"], defs)
    patterns = node.pop("patternProperties", {})
    values = next(iter(patterns.values()), node.pop("additionalProperties", None))
    if isinstance(values, dict):
        node["additionalProperties"] = _structural(values, defs)


def _with_defaults(node: Schema, path: str, kept: Set[str]) -> Schema:
    """Return the schema with the defaults of the fields at these paths, and without any other."""
    found = {key: value for key, value in node.items() if key != "default" or path in kept}
    if "properties" in node:
        found["properties"] = {
            name: _with_defaults(part, f"{path}.{name}", kept) for name, part in node["properties"].items()
        }
    for inner, mark in (("items", "[]"), ("additionalProperties", "{}")):
        if inner in node:
            found[inner] = _with_defaults(node[inner], f"{path}{mark}", kept)
    return found


class _Dumper(yaml.SafeDumper):
    """Writes YAML without anchors, and short lists and mappings without nested parts on one line."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def represent_sequence(
        self, tag: str, sequence: Iterable[Any], flow_style: bool | None = None
    ) -> yaml.SequenceNode:
        items = list(sequence)
        return super().represent_sequence(tag, items, flow_style or _all_plain(items))

    def represent_mapping(self, tag: str, mapping: Any, flow_style: bool | None = None) -> yaml.MappingNode:
        small = len(str(mapping)) <= _LINE and _all_plain(mapping.values())
        return super().represent_mapping(tag, mapping, flow_style or small)


def _all_plain(values: Iterable[Any]) -> bool:
    return not any(isinstance(value, dict | list) for value in values)


def render() -> str:
    """Return the CustomResourceDefinition as the text of the committed YAML file."""
    return HEADER + yaml.dump(custom_resource_definition(), Dumper=_Dumper, sort_keys=False, width=_LINE)


if __name__ == "__main__":
    sys.stdout.write(render())
