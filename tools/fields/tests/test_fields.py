"""What docs/fields.md is made of; tests/docs/test_generated.py demands that it is up to date and has no gap."""

import pytest
from apidocs.wording import immutable_fields
from fields import schema
from fields.invalid import invalid
from fields.schema import Field
from fields.shown import Shown, Test
from given.fullspec import FULL_SPECS, OTHERS


def test_the_full_specs_contain_every_field() -> None:
    jobs = [{"spec": spec} for spec in FULL_SPECS]
    lacking = [each.path for each in schema.fields() if not any(schema.places(job, each.path) for job in jobs)]
    assert not lacking, "add them to tests/given/fullspec.py or tests/given/fulltemplate.py"


def test_every_field_of_the_spec_has_another_value() -> None:
    fields = {each.path: each.schema for each in schema.fields()}
    immutable = {f"spec.{name}" for name in immutable_fields(fields["spec"])}
    assert {path.split(".")[1] for path in OTHERS} == set(fields["spec"]["properties"])
    assert immutable <= set(OTHERS)


def test_fields_without_a_test_and_unknown_fields_are_reported() -> None:
    fields = [Field("spec", {"properties": {}}), Field("spec.a", {"type": "string"}), Field("spec.b", {})]
    one = {Test("tests/test_x.py", "test_it")}
    shown = Shown(effect={"spec.a": one, "spec.c": one}, refusal={"spec": one, "spec.b": one})
    assert shown.gaps(fields) == ["spec.b: no effect", "spec.a: no refusal", "spec.c: no such field"]


@pytest.mark.parametrize(
    ("path", "found"),
    [
        pytest.param(
            "spec.list[].name", [("spec", "list", 0, "name"), ("spec", "list", 2, "name")], id="a field of list items"
        ),
        pytest.param("spec.map{}", [("spec", "map", "a"), ("spec", "map", "b")], id="the values of a map"),
        pytest.param("spec.list[].more", [], id="a field that no item has"),
        pytest.param("spec.map[]", [], id="a map read as a list"),
        pytest.param("spec", [("spec",)], id="a plain field"),
    ],
)
def test_a_nested_field_is_found(path: str, found: list[schema.Keys]) -> None:
    spec = {"list": [{"name": "x"}, {"other": 1}, {"name": "y"}], "map": {"a": 1, "b": 2}}
    assert schema.places({"spec": spec}, path) == found


def test_replacing_one_field_leaves_the_others_unchanged() -> None:
    shared = {"a": 1}
    assert schema.replaced({"x": [shared, shared]}, ("x", 0, "a"), 2) == {"x": [{"a": 2}, {"a": 1}]}


@pytest.mark.parametrize(
    ("schema_", "valid", "what"),
    [
        pytest.param(
            {"type": "string", "maxLength": 3, "pattern": "^[a-z]+$"},
            "a",
            {"against the pattern", "too long"},
            id="the pattern and length of a text",
        ),
        pytest.param({"type": "string", "enum": ["A"]}, "A", {"none of the enum"}, id="an enum"),
        pytest.param(
            {"type": "integer", "format": "int32", "minimum": 0, "maximum": 3},
            1,
            {"too small", "too large"},
            id="the bounds of an integer",
        ),
        pytest.param({"type": "integer", "format": "int64"}, 1, {"too large"}, id="the size of an integer"),
        pytest.param(
            {"type": "array", "maxItems": 1, "items": {"type": "string"}},
            ["a"],
            {"too many items"},
            id="the length of a list",
        ),
        pytest.param(
            {"type": "object", "required": ["a"], "properties": {"a": {}}},
            {"a": 1},
            {"without a"},
            id="a required field",
        ),
        pytest.param(
            {"type": "object", "maxProperties": 2}, {"a": 1}, {"too many properties"}, id="the size of an object"
        ),
    ],
)
def test_each_schema_keyword_gives_an_invalid_value(schema_: schema.Schema, valid: object, what: set[str]) -> None:
    found = {wrong.what for wrong in invalid(Field("x", schema_).schema, valid)}
    assert {words for words in found if " in place of " not in words} == what
    assert any(" in place of " in words for words in found)
