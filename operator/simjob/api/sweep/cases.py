"""The cases of a sweep: their source, their number, and each one by its index.

One case can be computed without building the others.
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
        description="Name of the case, unique in the list: letters, digits, dots, dashes and underscores. "
        "The environment variable SIMJOB_CASE_NAME has it.",
    ),
]


@dataclass(frozen=True, slots=True)
class Case:
    """One simulation of the sweep.

    `texts` has the parameters whose text in a table differs from their JSON form, such as 1.10.
    """

    index: int
    name: str
    parameters: Mapping[str, Value]
    texts: Mapping[str, str] = field(default_factory=dict)

    def text(self, parameter: str) -> str:
        """Return a parameter's value as text: what the user wrote where that is known, else its JSON form."""
        return self.texts[parameter] if parameter in self.texts else as_text(self.parameters[parameter])


class Axis(Model):
    """One parameter and its values."""

    name: ParameterName
    values: Annotated[
        tuple[ParameterValue, ...],
        Field(
            min_length=1,
            max_length=10_000,
            description="Values of the parameter: texts, numbers, booleans, lists or objects.",
        ),
    ]


class ListedCase(Model):
    """One case: its name and its parameters."""

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
    """A table of cases in a ConfigMap of the same namespace. The operator copies it when the job starts."""

    name: Annotated[ObjectName, Field(description="Name of the ConfigMap.")]
    key: Annotated[
        str,
        Field(
            min_length=1,
            max_length=253,
            pattern=r"^[-._a-zA-Z0-9]+$",
            description="Key in the `data` or `binaryData` of the ConfigMap. Its value is CSV with a header line, "
            "Parquet, or, if the key ends in '.jsonl', one JSON object of parameters per line. At most 100000 rows. "
            "See docs/tables.md.",
        ),
    ]


class Cases(Model):
    """The cases of the sweep, from exactly one source."""

    model_config = ConfigDict(json_schema_extra={**validated(rules.ONE_CASE_SOURCE_RULE), **ATOMIC})

    count: Annotated[
        int | None,
        Field(ge=1, le=MAX_CASES, description="Number of cases. They differ by their index only."),
    ] = None
    matrix: Annotated[
        tuple[Axis, ...] | None,
        Field(
            min_length=1,
            max_length=16,
            description="Axes of a matrix. There is one case for each combination of their values, at most 100000. The "
            "last axis varies fastest.",
            json_schema_extra=validated(rules.AXES_UNIQUE_RULE),
        ),
    ] = None
    list: Annotated[
        tuple[ListedCase, ...] | None,
        Field(
            min_length=1,
            max_length=2000,
            description="List of cases, in the order of their indexes.",
            json_schema_extra=list_map("name"),
        ),
    ] = None
    samples: Annotated[
        Samples | None, Field(description="Design of experiments: points within the bounds of the parameters.")
    ] = None
    config_map: Annotated[ConfigMapTable | None, Field(description="Table in a ConfigMap. Each row is a case.")] = None

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
        """Whether the cases must be copied to the operator's case table, because the spec does not list them."""
        return self.samples is not None or self.config_map is not None

    @property
    def total(self) -> int | None:
        """Return the number of cases; None if only a table shows it."""
        if self.matrix is not None:
            return prod(len(axis.values) for axis in self.matrix)
        if self.list is not None:
            return len(self.list)
        return self.samples.size if self.samples is not None else self.count

    def case(self, index: int) -> Case:
        """Return case `index`. Raise IndexError if it is not in 0 .. total-1, or if the cases need a table."""
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
    """Return the name of a parameter's environment variable: PARAM_MESH for `mesh`."""
    return names.ENV_PARAMETER_PREFIX + parameter.upper()
