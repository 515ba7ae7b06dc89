import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from simjob.api.sweep.samples import SampledParameter, Samples, Scale
from simjob.core.cases import designpoints

numbers = st.floats(allow_nan=False, allow_infinity=False)
units = st.floats(0, 1, exclude_max=True)


def a_design(seed: int | None = None) -> Samples:
    parameters = [{"name": "a", "min": 0, "max": 10}, {"name": "b", "min": 1, "max": 100, "scale": "Log"}]
    return Samples.model_validate({"method": "Random", "size": 2, "seed": seed, "parameters": parameters})


def test_points_are_scaled_linearly_or_logarithmically() -> None:
    assert designpoints.parameters(a_design(), [0.5, 0.5]) == {"a": 5.0, "b": pytest.approx(10.0)}


@given(numbers, numbers, units)
def test_a_value_is_never_outside_its_box(one: float, other: float, unit: float) -> None:
    low, high = sorted((one, other))
    if low < high:
        assert low <= designpoints.value(SampledParameter(name="a", min=low, max=high), unit) <= high


@given(st.floats(min_value=1e-300, max_value=1e300), st.floats(1.001, 1000), units)
def test_a_logarithmic_value_is_never_outside_its_box(low: float, ratio: float, unit: float) -> None:
    found = designpoints.value(SampledParameter(name="a", min=low, max=low * ratio, scale=Scale.LOG), unit)
    assert low <= found <= low * ratio
    assert math.log(found / low) == pytest.approx(unit * math.log(ratio), abs=1e-9)


def test_a_given_seed_is_used_even_if_zero() -> None:
    assert designpoints.seed_of(a_design(0), "uid") == 0
    assert designpoints.seed_of(a_design(7), "uid") == 7


def test_without_a_seed_each_job_gets_a_stable_seed_of_its_own() -> None:
    found = [designpoints.seed_of(a_design(), uid) for uid in ("one", "one", "another")]
    assert found[0] == found[1] != found[2]
    assert all(0 <= seed < 2**63 for seed in found)
