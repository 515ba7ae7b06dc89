"""Names and values in the spec that YAML or the API server has probably changed from what the user wrote.

They are checked before the first case starts, not by the models: so jobs accepted before these checks existed run on.
"""

from collections.abc import Iterable, Iterator

from simjob.api.crd import rules
from simjob.api.sweep import values
from simjob.api.sweep.cases import Axis, Cases, ListedCase


def complaint(cases: Cases) -> str | None:
    """Return what is wrong at the first such place, and what to do; None if nothing is wrong."""
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
        where = f'case {index} "{case.name}"'
        for name, value in case.parameters.items():
            if name in rules.NAMES_OF_BOOLEANS:
                yield f"{where} has a parameter named '{name}': {rules.QUOTE_BOOLEANS}"
            if wrong := values.misreading(value):
                yield f"{where}: parameter '{name}' {wrong}"
