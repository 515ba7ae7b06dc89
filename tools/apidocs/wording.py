"""What a field may be, in words: its type, its bounds, its default, and the texts of the CEL rules."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

Schema = Mapping[str, Any]

INT32_MAX: Final = 2**31 - 1
_VALUE: Final = "text of at most {} characters, number, boolean, list or object"
_IMMUTABLE: Final = re.compile(r"^`([^`]+)` is immutable: ")


def type_of(node: Schema, part: str) -> str:
    """Say what a field takes; `part` is what stands for the object inside it."""
    if "enum" in node:
        return _one_of([f"`{value}`" if value != "" else "empty" for value in map(_literal, node["enum"])])
    kind = node.get("type", "int-or-string" if "x-kubernetes-int-or-string" in node else "value")
    match kind:
        case "string":
            return _text(node)
        case "integer" | "number":
            return f"{kind}{_between(node)}"
        case "int-or-string":
            pattern = f", `{node['pattern']}`" if "pattern" in node else ""
            return f"integer{_between(node)}, or text of at most {node['maxLength']} characters{pattern}"
        case "value":
            return _VALUE.format(node["maxLength"])
        case "array":
            return _list(node, part)
        case "object" if "additionalProperties" in node:
            return f"map of {type_of(node['additionalProperties'], part)}; at most {node['maxProperties']} entries"
        case "object" if "properties" not in node:
            return "object, passed on as written"
        case "object":
            return part
    return str(kind)


def default_of(node: Schema, *, required: bool) -> str:
    """Say what holds where a field is left out."""
    if required:
        return "required"
    if "default" not in node:
        return ""
    default = node["default"]
    # An object's default is empty: those of its fields fill it.
    return "of its fields" if default == {} else _code(default if isinstance(default, list) else [default])


def immutable_fields(node: Schema) -> frozenset[str]:
    """Give the fields, dotted below the node, that its rules keep as they are."""
    found = (_IMMUTABLE.match(rule["message"]) for rule in _rules(node))
    return frozenset(match[1] for match in found if match)


def messages(node: Schema) -> list[str]:
    """Give the texts with which the API server refuses what breaks the node's rules, those on change left out."""
    return [_message(rule) for rule in _rules(node) if not _IMMUTABLE.match(rule["message"])]


def cell(text: str) -> str:
    """Write a text so that it stays in its cell of a Markdown table."""
    return re.sub(r"\s+", " ", text).replace("|", "\\|")


def _rules(node: Schema) -> list[dict[str, str]]:
    found: list[dict[str, str]] = node.get("x-kubernetes-validations", [])
    return found


def _message(rule: Mapping[str, str]) -> str:
    """Give a rule's text; of one that is made of parts what is not literal is in capitals."""
    expression = rule.get("messageExpression")
    if expression is None:
        return rule["message"]
    parts = (part.strip() for part in expression.split(" + "))
    return "".join(part.strip("'") if part.startswith("'") else part.rpartition(".")[2].upper() for part in parts)


def _one_of(values: list[str]) -> str:
    *others, last = values
    return f"{', '.join(others)} or {last}" if others else last


def _code(values: Iterable[Any]) -> str:
    return ", ".join(f"`{_literal(value)}`" for value in values)


def _literal(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _text(node: Schema) -> str:
    if node.get("format") == "date-time":
        return "time, such as `2026-01-02T03:04:05Z`"
    least, most = node.get("minLength", 0), node.get("maxLength")
    size = "" if most is None else f", {least} to {most} characters" if least > 1 else f", at most {most} characters"
    filled = ", not empty" if least == 1 and "pattern" not in node else ""
    pattern = f", `{node['pattern']}`" if "pattern" in node else ""
    return f"text{filled}{size}{pattern}"


def _between(node: Schema) -> str:
    least, most = node.get("minimum"), node.get("maximum")
    if least is None and most is None:
        return ""
    if most is None or (most == INT32_MAX and least is not None and least >= 0):
        return f", at least {least}"
    return f", {least} to {most}"


def _list(node: Schema, part: str) -> str:
    least, most = node.get("minItems", 0), node["maxItems"]
    size = f"{least} to {most}" if least else f"at most {most}"
    keys = ", ".join(f"`{key}`" for key in node.get("x-kubernetes-list-map-keys", []))
    unique = f", unique by {keys}" if keys else ""
    return f"list of {type_of(node['items'], part)}; {size} items{unique}"
