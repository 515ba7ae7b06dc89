"""The cases of a sweep: where they come from, how many there are, and what case number i is.

Expansion gives one case without building the others.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Annotated, Final, Self

from pydantic import ConfigDict, Field, model_validator

from simjob.api import names
from simjob.api.crd import rules
from simjob.api.schema import (
    ATOMIC,
    MAX_CASES,
    MAX_PARAMETERS,
    Model,
    ObjectName,
    ParameterName,
    list_map,
    require_unique,
    validated,
)
from simjob.api.sweep.samples import Samples
from simjob.api.sweep.values import ParameterValue, Value, as_text

CASE_NAME: Final = r"^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$"

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
    """One simulation of the sweep.

    `texts` holds the texts of parameters that a table wrote otherwise than JSON would, such as 1.10.
    """

    index: int
    name: str
    parameters: Mapping[str, Value]
    texts: Mapping[str, str] = field(default_factory=dict)

    def text(self, parameter: str) -> str:
        """Give a parameter's value as the user wrote it, as far as that is known."""
        return self.texts[parameter] if parameter in self.texts else as_text(self.parameters[parameter])


class Axis(Model):
    """One parameter and the values it takes."""

    name: ParameterName
    values: Annotated[
        tuple[ParameterValue, ...],
        Field(min_length=1, max_length=10_000, description="The values: texts, numbers, booleans, lists or objects."),
    ]


class ListedCase(Model):
    """One case, written out."""

    name: CaseName
    parameters: Annotated[
        dict[ParameterName, ParameterValue],
        Field(
            default_factory=dict,
            max_length=MAX_PARAMETERS,
            description="Parameters by name: texts, numbers, booleans, lists or objects.",
        ),
    ]

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        require_unique((name.upper() for name in self.parameters), rules.PARAMETERS_UNIQUE)
        return self


class ConfigMapTable(Model):
    """A table of cases in a ConfigMap of the same namespace; it is copied when the job starts."""

    name: Annotated[ObjectName, Field(description="The ConfigMap.")]
    key: Annotated[
        str,
        Field(
            min_length=1,
            max_length=253,
            pattern=r"^[-._a-zA-Z0-9]+$",
            description="The key of its data or binaryData: CSV with a header line, Parquet, or, if the key ends in "
            "'.jsonl', a JSON object of parameters on each line. At most 100000 rows. docs/tables.md has the rules.",
        ),
    ]


class Cases(Model):
    """The cases of the sweep, from exactly one source."""

    model_config = ConfigDict(json_schema_extra={**validated(rules.ONE_CASE_SOURCE_RULE), **ATOMIC})

    count: Annotated[
        int | None,
        Field(ge=1, le=MAX_CASES, description="Number of cases that differ by their index only."),
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

    samples: Annotated[Samples | None, Field(description="A design of experiments: points chosen in a box.")] = None
    config_map: Annotated[ConfigMapTable | None, Field(description="A table in a ConfigMap, a case a row.")] = None

    @model_validator(mode="after")
    def _has_one_source(self) -> Self:
        sources = (self.count, self.matrix, self.list, self.samples, self.config_map)
        if sum(source is not None for source in sources) != 1:
            raise ValueError(rules.ONE_CASE_SOURCE)
        require_unique((axis.name.upper() for axis in self.matrix or ()), rules.AXES_UNIQUE)
        require_unique((case.name for case in self.list or ()), rules.CASES_UNIQUE)
        if self.total is not None and self.total > MAX_CASES:
            raise ValueError(rules.too_many_cases(self.total, MAX_CASES))
        return self

    @property
    def needs_table(self) -> bool:
        """Whether the cases are not in the spec itself."""
        return self.samples is not None or self.config_map is not None

    @property
    def total(self) -> int | None:
        """How many cases there are; None where only a table shows it."""
        if self.matrix is not None:
            return prod(len(axis.values) for axis in self.matrix)
        if self.list is not None:
            return len(self.list)
        return self.samples.size if self.samples is not None else self.count

    def case(self, index: int) -> Case:
        """Give case `index`, which must be in 0 .. total-1, of cases that need no table."""
        if self.needs_table or not 0 <= index < (self.total or 0):
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
