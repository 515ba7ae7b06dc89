"""From points of the unit cube to the values of parameters, and the seed that they are drawn with.

How the points are drawn is scipy's matter (runtime/subprocesses/sampler.py).
"""

from collections.abc import Sequence
from hashlib import sha256
from math import exp, log

from simjob.api.sweep.samples import SampledParameter, Samples, Scale


def seed_of(samples: Samples, uid: str) -> int:
    """Return the seed that was given, else one of the SimulationJob's own, the same after a crash."""
    if samples.seed is not None:
        return samples.seed
    return int.from_bytes(sha256(uid.encode()).digest()[:8]) >> 1


def parameters(samples: Samples, point: Sequence[float]) -> dict[str, float]:
    """Return the values at a point of the unit cube, which has a coordinate for each parameter."""
    return {found.name: value(found, unit) for found, unit in zip(samples.parameters, point, strict=True)}


def value(parameter: SampledParameter, unit: float) -> float:
    """Return the value at `unit`, from 0 to 1, of the way from `min` to `max`; never outside, whatever is rounded."""
    low, high = parameter.min, parameter.max
    # Weighted, since the difference of two large numbers may be too large for a float.
    if parameter.scale is Scale.LOG:
        found = exp(log(low) * (1 - unit) + log(high) * unit)
    else:
        found = low * (1 - unit) + high * unit
    return min(max(found, low), high)
