"""The table as Markdown: the field, the tests that show what it does, and the refused values."""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from apidocs.wording import cell
from given.fullspec import FULL_SPECS

from fields import schema
from fields.invalid import invalid
from fields.schema import Field
from fields.shown import Shown, Test

_TEMPLATE: Final = "spec.template"
_WRONG_TYPE: Final = " in place of "

_HEAD: Final = """\
<!-- Generated from the CRD and the tests' markers by `make generate` (tools/fields). -->

# Which test shows a field

For each field of a SimulationJob's spec: the tests that show what it does, and the invalid values that are refused.
If a field lacks one of the two, this page cannot be generated and a unit test fails.

* What it does: a test names its fields in the pytest marker `effect`.
* Refused: {refusing} puts each kind of value that the CRD forbids
  into this field of a complete, valid object. The API server must refuse it with 422, and name this field and no other.
  A field that the CRD does not have is refused in every object. Linked tests show what only the operator can check
  and report.
* {fields} fields, {parts} with the objects, lists and maps around them; {values} invalid values.

`python -m fields --missing` lists fields without a test.

## Fields
"""
_PARTS_HEAD: Final = """\
## Objects and lists

Values that are refused for the objects and lists that hold these fields, except a wrong type. For those of the
template, only rules beyond their schema.
"""
_TEMPLATE_HEAD: Final = """\
## The pod template

{count} fields, whose invalid values are refused as above. For each path, a test follows the value from the template
into the pod that the API server stores: {following}. A value
that is valid in the CRD but not in a pod fails the sweep with the API server's message: {reported}. Objects with
the same fields share a line.
"""


def render(fields: Sequence[Field], shown: Shown) -> str:
    """Write the page; every field is shown."""
    leaves = [each for each in fields if each.is_leaf]
    template = [each for each in leaves if each.path.startswith(_TEMPLATE)]
    own = [each for each in leaves if each not in template]
    outer = [each for each in fields if not each.is_leaf and _kinds(each) and not _is_plain(each)]
    following = set.intersection(*(shown.effect[each.path] for each in template))
    refusing = set.intersection(*(shown.refusal[each.path] for each in fields))
    head = _HEAD.format(
        refusing=_links(refusing),
        fields=len(leaves),
        parts=len(fields),
        values=sum(len(list(invalid(each.schema, _valid(each)))) for each in fields),
    )
    return "\n".join(
        [
            head,
            *_heading("field", "what it does", "refused"),
            *(_row(f"`{each.path}`", _links(shown.effect[each.path]), _refused(each, shown, refusing)) for each in own),
            "",
            _PARTS_HEAD,
            *_heading("part", "refused"),
            *(_row(f"`{each.path}`", _refused(each, shown, refusing)) for each in outer),
            "",
            _TEMPLATE_HEAD.format(
                count=len(template),
                following=_links(following),
                reported=_links(shown.refusal[_TEMPLATE] - refusing),
            ),
            *_heading("in", "fields"),
            *_grouped(template),
            "",
        ]
    )


def _heading(*names: str) -> list[str]:
    return [_row(*names), _row(*("---" for _ in names))]


def _row(*cells: str) -> str:
    return f"| {' | '.join(cell(text) for text in cells)} |"


def _links(tests: Iterable[Test]) -> str:
    return "<br>".join(f"[{test.name.removeprefix('test_')}](../{test.file})" for test in sorted(tests))


def _refused(field: Field, shown: Shown, generated: set[Test]) -> str:
    told = "; ".join([*(["wrong type"] if field.is_leaf else []), *_kinds(field)])
    reported = _links(shown.refusal[field.path] - generated)
    return f"{told}<br>{reported}" if reported else told


def _kinds(field: Field) -> list[str]:
    """Name the kinds of invalid values, but for those of another type."""
    found = (wrong.what for wrong in invalid(field.schema, _valid(field)))
    return list(dict.fromkeys(what for what in found if _WRONG_TYPE not in what))


def _is_plain(field: Field) -> bool:
    return field.path.startswith(_TEMPLATE) and "x-kubernetes-validations" not in field.schema


def _valid(field: Field) -> object:
    jobs = ({"spec": spec} for spec in FULL_SPECS)
    return next(schema.at(job, keys) for job in jobs for keys in schema.places(job, field.path))


def _grouped(template: Sequence[Field]) -> Iterator[str]:
    """Write a line for each kind of object: where it stands, and its fields."""
    by_object: dict[str, dict[str, str]] = {}
    for each in template:
        where, _, name = each.path.rpartition(".")
        by_object.setdefault(where, {})[name] = json.dumps({**each.schema, "description": ""}, sort_keys=True)
    by_fields: dict[str, list[str]] = {}
    for where, parts in by_object.items():
        by_fields.setdefault(json.dumps(parts), []).append(where)
    for places in by_fields.values():
        names = ", ".join(f"`{name}`" for name in by_object[places[0]])
        yield _row("<br>".join(f"`{place.removeprefix('spec.')}`" for place in places), names)
