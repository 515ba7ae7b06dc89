"""What one case asks of its node, and the reading of quantities."""

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
_POWERS_OF_TEN: Final = {"n": -9, "u": -6, "m": -3, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_POWERS_OF_1024: Final = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}
_MIB: Final = 1024**2


def parse_quantity(value: int | str) -> Decimal:
    """Read a Kubernetes quantity; ValueError if it is none."""
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
Quantity = Annotated[
    int | str,
    AfterValidator(_not_negative),
    WithJsonSchema(
        {
            "description": "An amount, such as '500m', '2' or '16Gi'.",
            **_QUANTITY_SCHEMA,
            "x-kubernetes-validations": [rules.QUANTITY_RULE],
        }
    ),
]
PositiveQuantity = Annotated[
    int | str,
    AfterValidator(_positive),
    WithJsonSchema(
        {
            "description": "An amount greater than zero, such as '500m', '2' or '16Gi'.",
            **_QUANTITY_SCHEMA,
            "x-kubernetes-validations": [rules.POSITIVE_QUANTITY_RULE],
        }
    ),
]


class Gpu(Model):
    """GPUs of one case."""

    count: Annotated[int, Field(ge=1, le=1024, description="How many GPUs each case has.")] = 1
    resource_name: Annotated[
        str,
        Field(
            min_length=3,
            max_length=253,
            pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?/[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$",
            description="The extended resource that is asked for, such as nvidia.com/mig-1g.5gb.",
        ),
    ] = names.GPU_RESOURCE
    product: Annotated[
        LabelValue | None,
        Field(
            description="The product that it must be, as in the node's label nvidia.com/gpu.product, such as "
            "NVIDIA-A100-SXM4-80GB."
        ),
    ] = None
    memory: Annotated[
        PositiveQuantity | None,
        Field(
            description="The memory that each GPU must have at least, such as '40Gi'; compared with the node's label "
            "nvidia.com/gpu.memory."
        ),
    ] = None

    @property
    def memory_above_mib(self) -> int | None:
        """The largest whole number of MiB that is too little: what the affinity operator Gt wants."""
        if self.memory is None:
            return None
        least = (parse_quantity(self.memory) / _MIB).to_integral_value(rounding=ROUND_CEILING)
        return min(int(least) - 1, INT32_MAX)


class Resources(Model):
    """What each case asks for: requests of the first container; memory, storage and GPUs are also its limits."""

    cpu: Annotated[
        PositiveQuantity | None, Field(description="CPUs that are set aside, such as '2' or '500m'; no limit.")
    ] = None
    memory: Annotated[PositiveQuantity | None, Field(description="Memory, such as '4Gi'; also the limit.")] = None
    storage: Annotated[
        PositiveQuantity | None,
        Field(description="Disk that goes with the pod (ephemeral-storage), such as '10Gi'; also the limit."),
    ] = None
    gpu: Annotated[Gpu | None, Field(description="GPUs: how many, and of which kind.")] = None
