"""Cases as a design of experiments: how many points, by which method, in which box."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import ConfigDict, Field, model_validator

from simjob.api.crd import rules
from simjob.api.schema import INT64_MAX, MAX_CASES, MAX_PARAMETERS, Model, ParameterName, require_unique, validated


class Method(StrEnum):
    """How the points are chosen: https://docs.scipy.org/doc/scipy/reference/stats.qmc.html."""

    RANDOM = "Random"
    LATIN_HYPERCUBE = "LatinHypercube"
    SOBOL = "Sobol"
    HALTON = "Halton"


class Scale(StrEnum):
    """Whether equal steps are equal differences or equal ratios."""

    LINEAR = "Linear"
    LOG = "Log"


class SampledParameter(Model):
    """One dimension of the design."""

    model_config = ConfigDict(json_schema_extra=validated(rules.MIN_BELOW_MAX_RULE, rules.LOG_POSITIVE_RULE))

    name: ParameterName
    min: Annotated[float, Field(allow_inf_nan=False, description="The least value.")]
    max: Annotated[float, Field(allow_inf_nan=False, description="The greatest value; greater than `min`.")]
    scale: Annotated[
        Scale,
        Field(description="Linear spreads the values evenly, Log their logarithms; Log needs `min` greater than 0."),
    ] = Scale.LINEAR

    @model_validator(mode="after")
    def _is_a_span(self) -> Self:
        if self.min >= self.max:
            raise ValueError(rules.MIN_BELOW_MAX)
        if self.scale is Scale.LOG and self.min <= 0:
            raise ValueError(rules.LOG_POSITIVE)
        return self


class Samples(Model):
    """A design of experiments."""

    method: Annotated[
        Method,
        Field(
            description="How the points are chosen, by scipy.stats.qmc. LatinHypercube has a point in each slice of "
            "each parameter; Sobol, best with a power of two as `size`, and Halton fill the space evenly."
        ),
    ]
    size: Annotated[int, Field(ge=1, le=MAX_CASES, description="How many points, each a case.")]
    seed: Annotated[
        int | None,
        Field(
            ge=0,
            le=INT64_MAX,
            description="The same seed gives the same points. Without one each SimulationJob has points of its own.",
        ),
    ] = None
    parameters: Annotated[
        tuple[SampledParameter, ...],
        Field(
            min_length=1,
            max_length=MAX_PARAMETERS,
            description="The dimensions.",
            json_schema_extra=validated(rules.SAMPLED_UNIQUE_RULE),
        ),
    ]

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        require_unique((parameter.name.upper() for parameter in self.parameters), rules.SAMPLED_UNIQUE)
        return self
