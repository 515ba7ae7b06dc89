"""The cases of a sweep: where they come from, how many there are, and what case number i is.

Expansion gives one case without building the others.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Annotated, Final, Self

from pydantic import ConfigDict, Field, model_validator

from simjob.api import names, rules
from simjob.api.schema import ATOMIC, MAX_CASES, Model, Scalar, list_map, require_unique, validated

PARAMETER_NAME: Final = r"^[A-Za-z][A-Za-z0-9_]{0,62}$"
CASE_NAME: Final = r"^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$"

Value = bool | int | float | str

ParameterName = Annotated[
    str,
    Field(
        min_length=1,
        max_length=63,
        pattern=PARAMETER_NAME,
        description="A letter, then letters, digits and underscores; `mesh` is PARAM_MESH in the environment.",
    ),
]
CaseName = Annotated[
    str,
    Field(
        min_length=1,
        max_length=63,
        pattern=CASE_NAME,
        description="Letters, digits, dots, dashes and underscores; SIMJOB_CASE_NAME in the environment.",
    ),
]


@dataclass(frozen=True, slots=True)
class Case:
    """One simulation of the sweep."""

    index: int
    name: str
    parameters: Mapping[str, Value]


class Axis(Model):
    """One parameter and the values it takes."""

    name: ParameterName
    values: Annotated[
        tuple[Scalar, ...],
        Field(min_length=1, max_length=10_000, description="The values: texts, numbers or booleans."),
    ]


class ListedCase(Model):
    """One case, written out."""

    name: CaseName
    parameters: Annotated[
        dict[ParameterName, Scalar],
        Field(default_factory=dict, max_length=64, description="Parameters by name: texts, numbers or booleans."),
    ]

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        require_unique((name.upper() for name in self.parameters), rules.PARAMETERS_UNIQUE)
        return self


class Cases(Model):
    """The cases of the sweep, from exactly one source."""

    model_config = ConfigDict(json_schema_extra={**validated(rules.ONE_CASE_SOURCE_RULE), **ATOMIC})

    count: Annotated[
        int | None,
        Field(ge=1, le=MAX_CASES, description="So many cases that differ by their index only."),
    ] = None
    matrix: Annotated[
        tuple[Axis, ...] | None,
        Field(
            min_length=1,
            max_length=16,
            description="A case for each combination of the axes' values; the last axis runs fastest. "
            "At most 100000 combinations.",
            json_schema_extra=validated(rules.AXES_UNIQUE_RULE),
        ),
    ] = None
    list: Annotated[
        tuple[ListedCase, ...] | None,
        Field(
            min_length=1,
            max_length=2000,
            description="The cases written out, in the order of their indexes.",
            json_schema_extra=list_map("name"),
        ),
    ] = None

    @model_validator(mode="after")
    def _has_one_source(self) -> Self:
        if sum(source is not None for source in (self.count, self.matrix, self.list)) != 1:
            raise ValueError(rules.ONE_CASE_SOURCE)
        require_unique((axis.name.upper() for axis in self.matrix or ()), rules.AXES_UNIQUE)
        require_unique((case.name for case in self.list or ()), rules.CASES_UNIQUE)
        if self.total > MAX_CASES:
            raise ValueError(rules.too_many_cases(self.total, MAX_CASES))
        return self

    @property
    def total(self) -> int:
        """How many cases there are."""
        if self.matrix is not None:
            return prod(len(axis.values) for axis in self.matrix)
        return len(self.list) if self.list is not None else self.count or 0

    def case(self, index: int) -> Case:
        """Give case `index`, which must be in 0 .. total-1."""
        if not 0 <= index < self.total:
            raise IndexError(f"case {index} of {self.total}")
        if self.list is not None:
            listed = self.list[index]
            return Case(index, listed.name, listed.parameters)
        return Case(index, str(index), self._combination(index))

    def _combination(self, index: int) -> dict[str, Value]:
        parameters: dict[str, Value] = {}
        for axis in reversed(self.matrix or ()):
            index, at = divmod(index, len(axis.values))
            parameters[axis.name] = axis.values[at]
        return dict(reversed(parameters.items()))


def environment_name(parameter: str) -> str:
    """Name the environment variable of a parameter: `mesh` is PARAM_MESH."""
    return names.ENV_PARAMETER_PREFIX + parameter.upper()


def as_text(value: Value) -> str:
    """Write a parameter's value as the environment carries it: true and false as in JSON, numbers shortest."""
    return str(value).lower() if isinstance(value, bool) else str(value)
