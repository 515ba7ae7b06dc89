"""The page: an introduction, a table for every object, and what status says, as Markdown."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import yaml
from given.fulltemplate import FULL_TEMPLATE

from apidocs import status
from apidocs.examples import EXAMPLES
from apidocs.sections import Section, inner, sections
from apidocs.wording import cell, default_of, messages, type_of

_TEMPLATE: Final = "spec.template"
_LISTED: Final = 2

_HEAD: Final = """\
<!-- Generated from the CRD by `make generate` (tools/apidocs). Its texts are in the models, operator/simjob/api. -->

# The API: `{api_version}`, kind `{kind}`

Every field with its meaning, its bounds and its default. In a terminal, `kubectl explain simjob.spec.cases` explains
the fields of `spec.cases`, and so on for any other path; `--recursive` lists only names and types.
[Getting started](getting-started.md) has a first job, and [Cancel](cancel.md) says how a cancel works. Phases, reasons
and error codes, and what to do about them, are in [Troubleshooting](troubleshooting.md).

* "required" in the column "default": the API server refuses an object without it. Empty: the field is optional, and
  has no default.
* Immutable: a change is refused with `` `FIELD` is immutable: create a new SimulationJob instead ``.
* An unknown field is refused, too. The API server checks the bounds, so `kubectl apply` reports a mistake. The operator
  reports what only it can check, with a reason such as [InvalidSpec](troubleshooting.md#reasons).
"""

_KUBECTL: Final = """\
## The object

`kubectl get {plural}`, or short {short}; in the categories {categories}. It is namespaced, and no field
refers to another namespace.

* Columns of `kubectl get`, those in brackets with `-o wide`: {columns}.
* Fields that `--field-selector` accepts: {selectable}.
* `kubectl scale` sets `{replicas}`.
"""


def render(definition: Mapping[str, Any]) -> str:
    """Write the page for a CustomResourceDefinition."""
    version = definition["spec"]["versions"][0]
    schema = version["schema"]["openAPIV3Schema"]
    found = sections(schema)
    own = {path: section for path, section in found.items() if section.path == path}
    template = {path: section for path, section in own.items() if path.startswith(_TEMPLATE)}
    spec = {path: section for path, section in own.items() if path.startswith("spec") and path not in template}
    state = {path: section for path, section in own.items() if path.startswith("status")}
    names = {
        "api_version": f"{definition['spec']['group']}/{version['name']}",
        "kind": definition["spec"]["names"]["kind"],
    }
    parts = [
        _HEAD.format(**names),
        *(_contents(chapter) for chapter in (spec, template, state)),
        "* [Conditions](#conditions)\n",
        _kubectl(definition["spec"]["names"], version),
        "\n".join(_refusals(messages(schema))),
        *(_section(section, found) for chapter in (spec, template, state) for section in chapter.values()),
        status.conditions_table(),
    ]
    return "\n".join(part for part in parts if part)


def _contents(chapter: Mapping[str, Section]) -> str:
    """List a chapter's sections, of the pod template those that a person looks for."""
    head, *rest = chapter.values()
    parts = [section for section in rest if section.path.count(".") - head.path.count(".") <= _LISTED]
    names = (f"[{section.path.removeprefix(f'{head.path}.')}](#{section.anchor})" for section in parts)
    return f"* [{head.path}](#{head.anchor}): {', '.join(names)}"


def _kubectl(names: Mapping[str, Any], version: Mapping[str, Any]) -> str:
    columns = (
        f"[{column['name']}]" if column.get("priority") else column["name"]
        for column in version["additionalPrinterColumns"]
    )
    return _KUBECTL.format(
        plural=names["plural"],
        short=_words(names["shortNames"]),
        categories=_words(names["categories"]),
        columns=", ".join(columns),
        selectable=_words(field["jsonPath"].removeprefix(".") for field in version["selectableFields"]),
        replicas=version["subresources"]["scale"]["specReplicasPath"].removeprefix("."),
    )


def _words(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _section(section: Section, found: Mapping[str, Section]) -> str:
    node = section.node
    level = "##" if section.path in ("spec", _TEMPLATE, "status") else "###"
    fields = frozenset(node["properties"])
    lines = [f"{level} {section.path}", "", node["description"].removesuffix(" Immutable."), ""]
    if section.others:
        lines += [f"The same fields are in {_words(section.others)}.", ""]
    if not section.is_status and section.immutable in (fields, frozenset()):
        lines += ["Immutable." if section.immutable else "May be changed at any time.", ""]
    lines += [*_table(section, found, partly=bool(section.immutable) and section.immutable != fields), ""]
    return "\n".join([*lines, *_refusals(_rules(section)), *_example(section.path)])


def _table(section: Section, found: Mapping[str, Section], *, partly: bool) -> Iterator[str]:
    columns = {"field": True, "type": True, "default": not section.is_status, "may change": partly, "meaning": True}
    shown = [name for name, is_shown in columns.items() if is_shown]
    yield _row(shown)
    yield _row("---" for _ in shown)
    for name, part in section.node["properties"].items():
        _, where = inner(part, f"{section.path}.{name}")
        link = f"[{found[where].path}](#{found[where].anchor})" if where in found else "object"
        cells = {
            "field": f"`{name}`",
            "type": type_of(part, link),
            "default": default_of(part, required=name in section.node.get("required", [])),
            "may change": _may_change(section, name, found.get(where)),
            "meaning": part["description"].removesuffix(" Immutable."),
        }
        yield _row(cells[column] for column in shown)


def _may_change(section: Section, name: str, below: Section | None) -> str:
    if name in section.immutable:
        return "no"
    return "in part" if below and below.immutable else "yes"


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cell(text) for text in cells)} |"


def _rules(section: Section) -> Iterator[str]:
    """Say the rules of an object, and those of its fields that have no section of their own."""
    yield from messages(section.node)
    by_message: dict[str, list[str]] = {}
    for name, part in section.node["properties"].items():
        below, _ = inner(part, name)
        plain = [node for node in (part, below) if "properties" not in node]
        for message in dict.fromkeys(message for node in plain for message in messages(node)):
            by_message.setdefault(message, []).append(name)
    for message, fields in by_message.items():
        yield f"{_words(fields)}: {message}"


def _refusals(told: Iterable[str]) -> list[str]:
    lines = [f"* {message}" for message in told]
    return ["The API server also enforces these rules, with these messages:", "", *lines, ""] if lines else []


def _example(path: str) -> list[str]:
    if path == _TEMPLATE:
        body = yaml.safe_dump({"spec": {"template": FULL_TEMPLATE}}, sort_keys=False, default_flow_style=None)
        return ["<details><summary>Every field, in a pod that is valid</summary>", "", *_fenced(body), "</details>", ""]
    if path == "status":
        return ["For a sweep that was cancelled half-way:", "", *_fenced(status.example())]
    if path == "status.retrying":
        return ["For a sweep whose only case waits for its next attempt:", "", *_fenced(status.retrying_example())]
    return _fenced(EXAMPLES[path]) if path in EXAMPLES else []


def _fenced(text: str) -> list[str]:
    return ["```yaml", text.strip("\n"), "```", ""]
