"""Bounds and defaults as text at the end of each description: `kubectl explain` shows nothing else of them."""

from collections.abc import Iterator
from typing import Any, Final

from simjob.api.schema import INT32_MAX

_IMMUTABLE: Final = " Immutable."
# Shorter texts, and those that may not be empty, are names and paths; their descriptions give the allowed form.
_LONG_TEXT: Final = 256


def explained(node: dict[str, Any]) -> dict[str, Any]:
    """Return a copy of a schema with bounds and default at the end of each description, before "Immutable."."""
    found = {**node}
    if "description" in node:
        description = node["description"].removesuffix(_IMMUTABLE)
        fixed = node["description"][len(description) :]
        words = "; ".join(_words(node))
        found["description"] = f"{description} {words[:1].upper()}{words[1:]}.{fixed}" if words else node["description"]
    if "properties" in node:
        found["properties"] = {name: explained(part) for name, part in node["properties"].items()}
    for inner in ("items", "additionalProperties"):
        if inner in node:
            found[inner] = explained(node[inner])
    return found


def _words(node: dict[str, Any]) -> Iterator[str]:
    match node.get("type"):
        case "integer":
            yield from _span(node.get("minimum"), node.get("maximum", INT32_MAX), "")
        case "array":
            yield from _span(node.get("minItems", 0), node["maxItems"], " items")
        case "string" if "minLength" not in node and node.get("maxLength", 0) >= _LONG_TEXT:
            yield from _span(0, node["maxLength"], " characters")
    default = node.get("default")
    if default not in (None, {}):
        parts = default if isinstance(default, list) else [default]
        yield f"default {', '.join(str(part).lower() if isinstance(part, bool) else str(part) for part in parts)}"


def _span(least: int | None, most: int, what: str) -> Iterator[str]:
    if most >= INT32_MAX:
        if least:
            yield f"at least {least}{what}"
    elif least or not what:
        yield f"from {least} to {most}{what}"
    else:
        yield f"at most {most}{what}"
