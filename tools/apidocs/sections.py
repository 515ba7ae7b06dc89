"""The parts of the page: one for each object of the schema, objects of the same shape sharing one."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from apidocs.wording import Schema, immutable_fields


@dataclass(kw_only=True)
class Section:
    """An object of the schema: its path, what it is, and which of its fields may not change."""

    path: str
    node: Schema
    immutable: frozenset[str]
    others: list[str] = field(default_factory=list)

    @property
    def anchor(self) -> str:
        """Give the name by which GitHub links to the heading."""
        return "".join(letter for letter in self.path.lower() if letter.isalnum() or letter in "-_")

    @property
    def is_status(self) -> bool:
        return self.path.startswith("status")


def sections(schema: Schema) -> dict[str, Section]:
    """Give the section of every object below the schema, by path; equal ones are the same section."""
    found: dict[str, Section] = {}
    by_shape: dict[str, Section] = {}
    for path, node, immutable in _objects(schema):
        shape = json.dumps({**node, "description": "", "immutable": sorted(immutable)}, sort_keys=True)
        if shape in by_shape:
            by_shape[shape].others.append(path)
        else:
            by_shape[shape] = Section(path=path, node=node, immutable=immutable)
        found[path] = by_shape[shape]
    return found


def inner(node: Schema, path: str) -> tuple[Schema, str]:
    """Step through lists and maps to what is in them."""
    while True:
        if "items" in node:
            node, path = node["items"], f"{path}[]"
        elif "additionalProperties" in node:
            node, path = node["additionalProperties"], f"{path}{{}}"
        else:
            return node, path


def fields(schema: Schema) -> Iterator[str]:
    """Give the paths of all fields; what is in a list or a map is marked so, as in `spec.cases.list[].name`."""
    for name, part in schema.get("properties", {}).items():
        node, path = inner(part, name)
        yield name
        yield from (f"{path}.{field}" for field in fields(node))


def leaves(schema: Schema) -> Iterator[str]:
    """Give the paths of the fields that have no fields themselves."""
    for name, part in schema.get("properties", {}).items():
        node, path = inner(part, name)
        yield from (f"{path}.{leaf}" for leaf in leaves(node)) if "properties" in node else (path,)


def _objects(
    node: Schema, path: str = "", fixed: frozenset[str] = frozenset()
) -> Iterator[tuple[str, Mapping[str, Any], frozenset[str]]]:
    """Walk the objects, parents first; `fixed`: what an outer rule keeps as it is, dotted below the node."""
    everything = frozenset(node["properties"]) if "" in fixed else frozenset()
    immutable = fixed | immutable_fields(node) | everything
    if path:
        yield path, node, frozenset(name for name in immutable if name in node["properties"])
    for name, part in node["properties"].items():
        below, where = inner(part, f"{path}.{name}".removeprefix("."))
        if "properties" in below:
            yield from _objects(below, where, _below(immutable, name))


def _below(immutable: frozenset[str], name: str) -> frozenset[str]:
    """Give what stays as it is inside a field; all of it is an empty path."""
    whole = {""} if name in immutable else set()
    return frozenset(whole | {path.removeprefix(f"{name}.") for path in immutable if path.startswith(f"{name}.")})
