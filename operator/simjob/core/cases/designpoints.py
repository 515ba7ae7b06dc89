"""The values of parameters at the points of a design, and the seed of the points.

scipy chooses the points in the unit cube (runtime/subprocesses/sampler.py).
"""

from collections.abc import Sequence
from hashlib import sha256
from math import exp, log

from simjob.api.sweep.samples import SampledParameter, Samples, Scale


def seed_of(samples: Samples, uid: str) -> int:
    """Return the seed in the spec, or one computed from the SimulationJob's uid, so that a restart gives the same."""
    if samples.seed is not None:
        return samples.seed
    return int.from_bytes(sha256(uid.encode()).digest()[:8]) >> 1


def parameters(samples: Samples, point: Sequence[float]) -> dict[str, float]:
    """Return the values at a point of the unit cube. The point has one coordinate for each parameter."""
    return {found.name: value(found, unit) for found, unit in zip(samples.parameters, point, strict=True)}


def value(parameter: SampledParameter, unit: float) -> float:
    """Return the value for `unit`: `min` for 0, `max` for 1. Rounding never leads outside of these."""
    low, high = parameter.min, parameter.max
    # A weighted sum, because the difference of two large numbers can be too large for a float.
    if parameter.scale is Scale.LOG:
        found = exp(log(low) * (1 - unit) + log(high) * unit)
    else:
        found = low * (1 - unit) + high * unit
    return min(max(found, low), high)
