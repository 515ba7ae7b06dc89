"""The resources of one case, and how Kubernetes quantities are read."""

import re
from decimal import ROUND_CEILING, Decimal
from typing import Annotated, Final

from pydantic import AfterValidator, Field, WithJsonSchema

from simjob.api import names
from simjob.api.crd import rules
from simjob.api.schema import INT32_MAX, LabelValue, Model

# https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
_QUANTITY: Final = re.compile(
    r"([+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+))(?:([KMGTPE]i|[numkMGTPE])|[eE]([+-]?[0-9]{1,3}))?"
)
# The same without a sign that makes it negative, in the syntax of the API server (RE2).
NOT_NEGATIVE: Final = r"^\+?([0-9]+(\.[0-9]*)?|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]{1,3})?$"
_POWERS_OF_TEN: Final = {"n": -9, "u": -6, "m": -3, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_POWERS_OF_1024: Final = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}
_MIB: Final = 1024**2


def parse_quantity(value: int | str) -> Decimal:
    """Return a Kubernetes quantity, such as 2, '500m' or '16Gi', as a number. Raise ValueError if it is malformed."""
    match = _QUANTITY.fullmatch(str(value))
    if match is None:
        raise ValueError(f"{rules.QUANTITY}, not '{value}'")
    number, suffix, exponent = Decimal(match[1]), match[2] or "", int(match[3] or 0)
    if suffix in _POWERS_OF_1024:
        return number * Decimal(1024) ** _POWERS_OF_1024[suffix]
    return number.scaleb(exponent + _POWERS_OF_TEN.get(suffix, 0))


def _not_negative(value: int | str) -> int | str:
    if parse_quantity(value) < 0:
        raise ValueError(f"{rules.QUANTITY}, not '{value}'")
    return value


def _positive(value: int | str) -> int | str:
    if _QUANTITY.fullmatch(str(value)) is None or parse_quantity(value) <= 0:
        raise ValueError(f"{rules.POSITIVE_QUANTITY}, not '{value}'")
    return value


_QUANTITY_SCHEMA: Final = {
    "x-kubernetes-int-or-string": True,
    "maxLength": 32,
}
# Not a rule in CEL: the template has these in lists and maps, and Kubernetes 1.33 assumes for the cost of a rule that
# each value is as large as a request. Its estimate would be more than it allows, so it would refuse the CRD.
Quantity = Annotated[
    int | str,
    AfterValidator(_not_negative),
    WithJsonSchema(
        {
            "description": "A Kubernetes quantity that is not negative, such as '500m', '2' or '16Gi'.",
            **_QUANTITY_SCHEMA,
            "minimum": 0,
            "pattern": NOT_NEGATIVE,
        }
    ),
]
# Only for fields that occur once in a SimulationJob: see above.
PositiveQuantity = Annotated[
    int | str,
    AfterValidator(_positive),
    WithJsonSchema(
        {
            "description": "A Kubernetes quantity greater than zero, such as '500m', '2' or '16Gi'.",
            **_QUANTITY_SCHEMA,
            "x-kubernetes-validations": [rules.POSITIVE_QUANTITY_RULE],
        }
    ),
]


class Gpu(Model):
    """The GPUs of one case."""

    count: Annotated[int, Field(ge=1, le=1024, description="Number of GPUs for each case.")] = 1
    resource_name: Annotated[
        str,
        Field(
            min_length=3,
            max_length=253,
            pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?/[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$",
            description="Name of the extended resource to request, such as nvidia.com/mig-1g.5gb.",
        ),
    ] = names.GPU_RESOURCE
    product: Annotated[
        LabelValue | None,
        Field(
            description="GPU product that the node must have: the value of its label nvidia.com/gpu.product, such as "
            "NVIDIA-A100-SXM4-80GB. Any product if absent."
        ),
    ] = None
    memory: Annotated[
        PositiveQuantity | None,
        Field(
            description="Minimum memory of each GPU, such as '40Gi'. Compared with the node's label "
            "nvidia.com/gpu.memory. Any size if absent."
        ),
    ] = None

    @property
    def memory_above_mib(self) -> int | None:
        """Return the largest whole number of MiB that is less than `memory`, for the node affinity operator Gt.

        None if `memory` is absent. Gt compares int32 values, so the result is at most 2**31 - 1.
        """
        if self.memory is None:
            return None
        least = (parse_quantity(self.memory) / _MIB).to_integral_value(rounding=ROUND_CEILING)
        return min(int(least) - 1, INT32_MAX)


class Resources(Model):
    """The requests of the first container. Memory, storage and GPUs are also its limits."""

    cpu: Annotated[PositiveQuantity | None, Field(description="CPU request, such as '2' or '500m'. Sets no limit.")] = (
        None
    )
    memory: Annotated[PositiveQuantity | None, Field(description="Memory request and limit, such as '4Gi'.")] = None
    storage: Annotated[
        PositiveQuantity | None,
        Field(description="Request and limit of ephemeral storage, such as '10Gi': disk that is deleted with the pod."),
    ] = None
    gpu: Annotated[Gpu | None, Field(description="Number and kind of GPUs.")] = None
