"""What `kubectl explain` says of bounds and defaults."""

from typing import Any

import pytest
from simjob.api.crd import generate
from simjob.api.crd.descriptions import explained

INT32 = {"type": "integer", "minimum": 0, "maximum": 2**31 - 1}


@pytest.mark.parametrize(
    ("node", "words"),
    [
        pytest.param({"type": "integer", "minimum": 1, "maximum": 64}, "From 1 to 64.", id="a number with both bounds"),
        pytest.param(
            {"type": "integer", "minimum": 0, "maximum": 64, "default": 50},
            "From 0 to 64; default 50.",
            id="a number with bounds and a default",
        ),
        pytest.param({**INT32, "minimum": 1}, "At least 1.", id="the bound of the type is not mentioned"),
        pytest.param(
            {"type": "array", "maxItems": 8, "items": {}}, "At most 8 items.", id="a list with a largest length"
        ),
        pytest.param(
            {"type": "array", "minItems": 1, "maxItems": 8, "items": {}},
            "From 1 to 8 items.",
            id="a list with both bounds",
        ),
        pytest.param(
            {"type": "array", "maxItems": 2, "items": {}, "default": ["A", "B"]},
            "At most 2 items; default A, B.",
            id="a list with a default",
        ),
        pytest.param({"type": "string", "maxLength": 256}, "At most 256 characters.", id="the length of a text"),
        pytest.param({"type": "string", "enum": ["A", "B"], "default": "A"}, "Default A.", id="a text with a default"),
        pytest.param({"type": "boolean", "default": False}, "Default false.", id="a boolean with a default"),
        pytest.param(
            {"x-kubernetes-int-or-string": True, "maxLength": 4, "default": 0}, "Default 0.", id="a number or a text"
        ),
    ],
)
def test_a_description_ends_with_the_bounds_and_the_default(node: dict[str, Any], words: str) -> None:
    assert explained({"description": "What it is.", **node})["description"] == f"What it is. {words}"


@pytest.mark.parametrize(
    "node",
    [
        pytest.param(INT32, id="any integer"),
        pytest.param({"type": "string", "maxLength": 253, "pattern": "^a$"}, id="a name"),
        pytest.param({"type": "boolean"}, id="a boolean"),
        pytest.param({"type": "object", "default": {}}, id="an object with an empty default"),
    ],
)
def test_a_field_without_bounds_keeps_its_description(node: dict[str, Any]) -> None:
    assert explained({"description": "What it is.", **node})["description"] == "What it is."


def test_the_word_immutable_stays_last() -> None:
    node = {"description": "What it is. Immutable.", "type": "integer", "minimum": 1, "maximum": 2}
    assert explained(node)["description"] == "What it is. From 1 to 2. Immutable."


def test_only_descriptions_are_changed() -> None:
    schema = generate.job_schema()
    found = explained(schema)
    assert found != schema
    assert undescribed(found) == undescribed(schema)


def undescribed(node: Any) -> Any:
    if isinstance(node, dict):
        # A field may be called so, too; what it says of itself is a text.
        kept = {name: part for name, part in node.items() if not (name == "description" and isinstance(part, str))}
        return {name: undescribed(part) for name, part in kept.items()}
    return [undescribed(part) for part in node] if isinstance(node, list) else node
