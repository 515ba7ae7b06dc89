"""Invalid values of a field, made from its schema in the CRD: at least one for each keyword.

No program can derive a bad value from a CEL rule: `BREAKING` has a value that breaks each, by its message. No value
alone breaks a rule that compares with the old object: tests/integration/crd/test_immutability.py.
"""

import copy
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from simjob.api.crd import rules

from fields.schema import Schema

_WRONG_TYPES: Final[dict[str, tuple[Any, ...]]] = {
    "object": ("text", [1]),
    "array": ("text", {"a": 1}),
    "string": (7, True, ["text"], {"a": "text"}),
    "integer": ("many", 1.5, True, [1]),
    "number": ("many", True, [1]),
    "boolean": ("true", 1, [True]),
}
_UNLIKELY: Final = ("%", "-", " ", "A", "a b", "9-", "_", "ä")
# The first whole number beyond a format.
_TOO_LARGE: Final = {"int32": 2**31, "int64": 2**63}


@dataclass(frozen=True, slots=True)
class Wrong:
    """A value that must be refused.

    `below` is what the API server names: the field itself, or a part of it, such as `.name` or `[1]`.
    """

    what: str
    value: Any
    below: str = ""


def _twice(items: list[Any]) -> list[Any]:
    return [items[0], copy.deepcopy(items[0])]


def _two_containers_of_one_name(spec: dict[str, Any]) -> dict[str, Any]:
    return {**spec, "containers": _twice(spec["containers"])}


def _an_init_container_of_the_same_name(pod: dict[str, Any]) -> dict[str, Any]:
    name, image = (pod["containers"][0][key] for key in ("name", "image"))
    return {**pod, "initContainers": [{"name": name, "image": image}]}


@dataclass(frozen=True, slots=True)
class Breaking:
    """How a valid value becomes one that breaks a rule, and where the rule says it is."""

    change: Callable[[Any], Any]
    below: str = ""


def _constant(value: Any) -> Callable[[Any], Any]:
    return lambda _: value


def _writing(*values: Any) -> tuple[Breaking, ...]:
    return tuple(Breaking(_constant(value)) for value in values)


def _setting(**parts: Any) -> tuple[Breaking, ...]:
    return (Breaking(lambda valid: {**valid, **parts}),)


BREAKING: Final[dict[str, tuple[Breaking, ...]]] = {
    rules.CASES_OR_RERUN: (
        Breaking(lambda spec: {name: part for name, part in spec.items() if name not in ("cases", "rerunOf")}),
        *_setting(cases={"count": 1}, rerunOf={"name": "old"}),
    ),
    rules.NEEDS_QUEUE: (Breaking(lambda spec: {name: part for name, part in spec.items() if name != "queueName"}),),
    rules.ONE_CASE_SOURCE: (*_writing({}), *_setting(count=1, matrix=[{"name": "mesh", "values": [1]}])),
    rules.AXES_UNIQUE: (Breaking(_twice), Breaking(lambda axes: [*axes, {**axes[0], "name": axes[0]["name"].upper()}])),
    rules.NAMED_AS_BOOLEAN: _writing("true", "false"),
    rules.SAMPLED_UNIQUE: (Breaking(_twice),),
    rules.MIN_BELOW_MAX: (*_setting(min=2.0, max=2.0), *_setting(min=3.0, max=2)),
    rules.LOG_POSITIVE: _setting(scale="Log", min=0, max=1),
    rules.RANGE_BACKWARDS: _writing("9-3", "0,5-4"),
    rules.COUNT_OR_PERCENT: _writing(-1, 100_001, "101%", "5", "%", "1.5%"),
    rules.CONTAINERS_UNIQUE: (
        Breaking(_two_containers_of_one_name, ".containers"),
        Breaking(_an_init_container_of_the_same_name, ".containers"),
    ),
    rules.SIDECAR_FIELDS: (
        Breaking(lambda container: {**{k: v for k, v in container.items() if k != "restartPolicy"}, "lifecycle": {}}),
    ),
    rules.VOLUMES_UNIQUE: (Breaking(_twice),),
    rules.ONE_VOLUME_SOURCE: (
        Breaking(lambda volume: {"name": volume["name"]}),
        *_setting(emptyDir={}, secret={"secretName": "a"}),
    ),
    rules.DROPS_ALL: _writing([], ["NET_RAW"], ["all"]),
    rules.RUNTIME_ANNOTATIONS: _setting(**{"container.apparmor.security.beta.kubernetes.io/simulation": "unconfined"}),
    rules.POSITIVE_QUANTITY: _writing("lots", "0", 0, "-1", ""),
}


def invalid(schema: Schema, valid: Any) -> Iterator[Wrong]:
    """Make values that the schema refuses, from a valid one."""
    yield from _wrong_types(schema)
    yield from _wrong_texts(schema)
    yield from _wrong_numbers(schema)
    yield from _wrong_lists(schema, valid)
    yield from _wrong_objects(schema, valid)
    for rule in schema.get("x-kubernetes-validations", []):
        if "oldSelf" not in rule["rule"]:
            for broken in BREAKING[rule["message"]]:
                yield Wrong(rule["message"], broken.change(valid), broken.below)


def _wrong_types(schema: Schema) -> Iterator[Wrong]:
    if schema.get("x-kubernetes-int-or-string"):
        values: tuple[Any, ...] = (1.5, True, [1], {"a": 1})
    else:
        values = _WRONG_TYPES.get(schema.get("type", ""), ())
    for value in values:
        yield Wrong(f"{type(value).__name__} in place of {schema.get('type', 'int or string')}", value)
    if "enum" in schema:
        yield Wrong("none of the enum", not schema["enum"][0] if schema["type"] == "boolean" else "Nonsense")


def _wrong_texts(schema: Schema) -> Iterator[Wrong]:
    if "pattern" in schema:
        yield Wrong("against the pattern", next(text for text in _UNLIKELY if not re.search(schema["pattern"], text)))
    if schema.get("minLength"):
        yield Wrong("too short", "")
    if "maxLength" in schema:
        yield Wrong("too long", "a" * (schema["maxLength"] + 1))


def _wrong_numbers(schema: Schema) -> Iterator[Wrong]:
    if "minimum" in schema:
        yield Wrong("too small", schema["minimum"] - 1)
    if "maximum" in schema:
        yield Wrong("too large", schema["maximum"] + 1)
    elif "format" in schema:
        yield Wrong("too large", _TOO_LARGE[schema["format"]])


def _wrong_lists(schema: Schema, valid: Any) -> Iterator[Wrong]:
    if schema.get("type") != "array":
        return
    if schema.get("minItems"):
        yield Wrong("too few items", [])
    if "maxItems" in schema and "enum" not in schema["items"]:
        yield Wrong("too many items", [_another(schema, valid[0], number) for number in range(schema["maxItems"] + 1)])
    if "x-kubernetes-list-type" in schema:
        yield Wrong("an item twice", _twice(valid), "[1]")


def _another(schema: Schema, item: Any, number: int) -> Any:
    """Return an item that differs from the others, for a list that must be unique."""
    if "x-kubernetes-list-map-keys" in schema:
        return {**item, **{key: f"{item[key]}{number}" for key in schema["x-kubernetes-list-map-keys"]}}
    return item + number if "x-kubernetes-list-type" in schema else item


def _wrong_objects(schema: Schema, valid: Any) -> Iterator[Wrong]:
    if "type" not in schema:
        # Any value: a list and an object are kept out by sizes that they cannot have.
        if "maxItems" in schema:
            yield Wrong("a list", [1])
            yield Wrong("an object", {"a": 1})
        return
    for name in schema.get("required", []):
        yield Wrong(f"without {name}", {key: part for key, part in valid.items() if key != name}, f".{name}")
    if schema.get("minProperties"):
        yield Wrong("too few properties", {})
    if "maxProperties" in schema:
        value = next(iter(valid.values()))
        yield Wrong("too many properties", {f"k{number}": value for number in range(schema["maxProperties"] + 1)})
