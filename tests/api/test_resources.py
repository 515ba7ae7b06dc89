import re
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from simjob.api.crd import rules
from simjob.api.resources import NOT_NEGATIVE, Gpu, Quantity, Resources, parse_quantity

QUANTITY: TypeAdapter[int | str] = TypeAdapter(Quantity)


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("2", "2"),
        (2, "2"),
        ("500m", "0.5"),
        ("1.5", "1.5"),
        (".5", "0.5"),
        ("5.", "5"),
        ("100u", "0.0001"),
        ("1n", "0.000000001"),
        ("1k", "1000"),
        ("1M", "1000000"),
        ("1Ki", "1024"),
        ("1.5Gi", "1610612736"),
        ("1e3", "1000"),
        ("1E3", "1000"),
        ("1E", "1e18"),
        ("1Ei", "1152921504606846976"),
        ("-1", "-1"),
        ("+1", "1"),
    ],
)
def test_quantities_are_parsed_like_in_kubernetes(text: str | int, amount: str) -> None:
    assert parse_quantity(text) == Decimal(amount)


@pytest.mark.parametrize("text", ["", "abc", "1 Gi", "1gi", "1K", "1e", "1.2.3", "Gi", "0x1"])
def test_an_invalid_quantity_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be a quantity"):
        parse_quantity(text)


@given(st.text("0123456789+-.eEKMGTPinumk ", max_size=8))
def test_the_crd_and_the_operator_accept_the_same_quantities_in_a_template(text: str) -> None:
    if text.startswith("-"):
        return  # The operator reads -0 as 0, and the CRD refuses any minus sign.
    try:
        QUANTITY.validate_python(text)
    except ValidationError:
        assert re.search(NOT_NEGATIVE, text) is None
    else:
        assert re.search(NOT_NEGATIVE, text)


@pytest.mark.parametrize("text", ["-0", "-1", "-500m"])
def test_the_crd_refuses_a_quantity_with_a_minus_sign(text: str) -> None:
    assert re.search(NOT_NEGATIVE, text) is None


@pytest.mark.parametrize("amount", ["abc", "0", "-1", 0])
@pytest.mark.parametrize("field", ["cpu", "memory", "storage"])
def test_a_request_of_zero_is_refused(field: str, amount: Any) -> None:
    with pytest.raises(ValidationError, match="must be a quantity"):
        Resources.model_validate({field: amount})


def test_a_refused_amount_is_quoted() -> None:
    with pytest.raises(ValidationError) as refused:
        Resources.model_validate({"cpu": "0"})
    assert refused.value.errors()[0]["msg"] == f"Value error, {rules.POSITIVE_QUANTITY}, not '0'"


def test_a_gpu_is_nvidia_by_default() -> None:
    gpu = Gpu()
    assert (gpu.count, gpu.resource_name, gpu.product, gpu.memory) == (1, "nvidia.com/gpu", None, None)


@pytest.mark.parametrize(
    ("memory", "above"),
    [
        pytest.param("40Gi", 40959, id="a size in GiB"),
        pytest.param("1Mi", 0, id="one MiB"),
        pytest.param("1", 0, id="one byte"),
        pytest.param("1048577", 1, id="one byte more than a MiB"),
        pytest.param("40G", 38146, id="a decimal size"),
        pytest.param("1e30", 2**31 - 1, id="a size beyond 32 bits is capped"),
    ],
)
def test_gpu_memory_becomes_an_exclusive_lower_bound(memory: str, above: int) -> None:
    assert Gpu(memory=memory).memory_above_mib == above


def test_without_gpu_memory_there_is_no_node_requirement() -> None:
    assert Gpu().memory_above_mib is None


@pytest.mark.parametrize("name", ["gpu", "nvidia.com/", "/gpu", "NVIDIA.com/gpu"])
def test_a_gpu_is_an_extended_resource(name: str) -> None:
    with pytest.raises(ValidationError):
        Gpu(resource_name=name)
