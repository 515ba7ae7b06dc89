"""Cases from a design of experiments: the number of points, the method, and the bounds of each parameter."""

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
    """Whether the values or their logarithms are spread evenly."""

    LINEAR = "Linear"
    LOG = "Log"


class SampledParameter(Model):
    """One dimension of the design."""

    model_config = ConfigDict(json_schema_extra=validated(rules.MIN_BELOW_MAX_RULE, rules.LOG_POSITIVE_RULE))

    name: ParameterName
    min: Annotated[float, Field(allow_inf_nan=False, description="Lowest value.")]
    max: Annotated[float, Field(allow_inf_nan=False, description="Highest value. Must be greater than `min`.")]
    scale: Annotated[
        Scale,
        Field(
            description="Linear spreads the values evenly. Log spreads their logarithms evenly, and needs a `min` "
            "greater than 0."
        ),
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
            description="How scipy.stats.qmc chooses the points. Random: independently. LatinHypercube: one point in "
            "each of `size` equal slices of every parameter. Sobol (best if `size` is a power of two) and Halton: "
            "evenly over the whole space."
        ),
    ]
    size: Annotated[int, Field(ge=1, le=MAX_CASES, description="Number of points. Each point is a case.")]
    seed: Annotated[
        int | None,
        Field(
            ge=0,
            le=INT64_MAX,
            description="Seed of the random numbers. The same seed gives the same points. If absent, each "
            "SimulationJob gets different points.",
        ),
    ] = None
    parameters: Annotated[
        tuple[SampledParameter, ...],
        Field(
            min_length=1,
            max_length=MAX_PARAMETERS,
            description="Parameters of the design, one for each dimension.",
            json_schema_extra=validated(rules.SAMPLED_UNIQUE_RULE),
        ),
    ]

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        require_unique((parameter.name.upper() for parameter in self.parameters), rules.SAMPLED_UNIQUE)
        return self
