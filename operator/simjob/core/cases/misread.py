"""What YAML or the API server made of the cases in a spec, if that is probably not what the user wrote.

Checked before the first case starts, and not by the models: a job that was accepted before these checks runs on.
"""

from collections.abc import Iterable, Iterator

from simjob.api.crd import rules
from simjob.api.sweep import values
from simjob.api.sweep.cases import Axis, Cases, ListedCase


def complaint(cases: Cases) -> str | None:
    """Return what is wrong, with the first place of it; None if nothing is."""
    return next(_complaints(cases), None)


def _complaints(cases: Cases) -> Iterator[str]:
    yield from _of_names("matrix", [axis.name for axis in cases.matrix or ()])
    dimensions = cases.samples.parameters if cases.samples else ()
    yield from _of_names("samples.parameters", [dimension.name for dimension in dimensions])
    yield from _of_axes(cases.matrix or ())
    yield from _of_list(cases.list or ())


def _of_names(field: str, names: Iterable[str]) -> Iterator[str]:
    for at, name in enumerate(names):
        if name in rules.NAMES_OF_BOOLEANS:
            yield f"`spec.cases.{field}[{at}].name` {rules.NAMED_AS_BOOLEAN}"


def _of_axes(axes: Iterable[Axis]) -> Iterator[str]:
    for number, axis in enumerate(axes):
        for at, value in enumerate(axis.values):
            if wrong := values.misreading(value):
                yield f"`spec.cases.matrix[{number}].values[{at}]` {wrong}"


def _of_list(listed: Iterable[ListedCase]) -> Iterator[str]:
    for index, case in enumerate(listed):
        for name, value in case.parameters.items():
            if name in rules.NAMES_OF_BOOLEANS:
                yield f"case {index} \"{case.name}\" has a parameter named '{name}': {rules.QUOTE_BOOLEANS}"
            if wrong := values.misreading(value):
                yield f"case {index} \"{case.name}\": parameter '{name}' {wrong}"
