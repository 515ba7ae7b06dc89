"""The fields of a SimulationJob's spec, read from the committed CRD, and where they are in an object.

A path is that of the object with `[]` for any item of a list and `{}` for any value of a map:
`spec.cases.matrix[].values[]`, `spec.template.metadata.labels{}`.
"""

import copy
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

CRD: Final = Path(__file__).parents[2] / "crds" / "simulationjobs.simjob.dev.yaml"
TEMPLATE: Final = "spec.template."

Schema = dict[str, Any]
Keys = tuple[str | int, ...]

_STEP: Final = re.compile(r"\[\]|\{\}|[^.\[{]+")


@dataclass(frozen=True, slots=True)
class Field:
    """A part of the spec and what the API server asks of it."""

    path: str
    schema: Schema

    @property
    def is_leaf(self) -> bool:
        """Whether it has no parts of its own; what the schema keeps as it is has none either."""
        return not {"properties", "items", "additionalProperties"} & set(self.schema)


def fields() -> list[Field]:
    """Read all parts of the spec from the CRD, each before what is in it."""
    (version,) = yaml.safe_load(CRD.read_text())["spec"]["versions"]
    return list(_walk("spec", version["schema"]["openAPIV3Schema"]["properties"]["spec"]))


def _walk(path: str, schema: Schema) -> Iterator[Field]:
    yield Field(path, schema)
    for name, part in schema.get("properties", {}).items():
        yield from _walk(f"{path}.{name}", part)
    if "items" in schema:
        yield from _walk(f"{path}[]", schema["items"])
    if "additionalProperties" in schema:
        yield from _walk(f"{path}{{}}", schema["additionalProperties"])


def places(value: Any, path: str) -> list[Keys]:
    """Find where an object has the field, in its order: the keys that lead there."""
    found: list[Keys] = [()]
    for step in _STEP.findall(path):
        found = [(*keys, key) for keys in found for key in _keys(at(value, keys), step)]
    return found


def _keys(value: Any, step: str) -> Sequence[str | int]:
    if step == "[]":
        return range(len(value)) if isinstance(value, list) else ()
    if not isinstance(value, dict):
        return ()
    if step == "{}":
        return list(value)
    return [step] if step in value else []


def at(value: Any, keys: Keys) -> Any:
    """Give what is there; KeyError or IndexError if nothing is."""
    for key in keys:
        value = value[key]
    return value


def replaced(value: Any, keys: Keys, new: Any) -> Any:
    """Give a copy with something else in that place, and in no other that shares its parts."""
    if not keys:
        return new
    changed = copy.copy(value)
    changed[keys[0]] = replaced(value.get(keys[0]) if isinstance(value, dict) else value[keys[0]], keys[1:], new)
    return changed


def removed(value: Any, keys: Keys) -> Any:
    """Give a copy that has nothing in that place of an object."""
    parent = at(value, keys[:-1])
    return replaced(value, keys[:-1], {key: part for key, part in parent.items() if key != keys[-1]})


def written(keys: Keys) -> str:
    """Write keys as the API server names a field."""
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys).removeprefix(".")
