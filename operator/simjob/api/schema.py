"""What all models of the API share: the alias rule, strictness, dumping, and bounded scalar types.

Every type here carries a description and its bounds, because the API server shows and enforces both
(crd.py turns them into the CRD).
"""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
)
from pydantic.alias_generators import to_camel

from simjob.api.crd import rules

MAX_CASES: Final = 100_000
MAX_PARAMETERS: Final = 64

INT32_MIN: Final = -(2**31)
INT32_MAX: Final = 2**31 - 1
INT64_MAX: Final = 2**63 - 1


def validated(*rules: dict[str, Any]) -> dict[str, Any]:
    """Give the schema extension that makes the API server check these CEL rules."""
    return {"x-kubernetes-validations": list(rules)}


def list_map(key: str) -> dict[str, Any]:
    """Give the schema extension for a list whose items are told apart by this field."""
    return {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [key]}


# For what cannot change after creation: field by field, its ownership in managedFields would be larger than
# the part itself, and every status write would pay for it (2,000 listed cases: 283 KiB, twice the CPU time).
# https://kubernetes.io/docs/reference/using-api/server-side-apply/#merge-strategy
ATOMIC: Final = {"x-kubernetes-map-type": "atomic"}


def require_unique(found: Iterable[str], message: str) -> None:
    """Raise ValueError with the message and the first repeated name, if there is one."""
    repeated = sorted(name for name, times in Counter(found).items() if times > 1)
    if repeated:
        raise ValueError(f"{message}: '{repeated[0]}' is there twice")


class Model(BaseModel):
    """A part of the resource that users write: unknown fields are errors, as they are for the API server.

    What comes *from* the API server is read leniently all the same: simulationjob.read.
    """

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True, extra="forbid")

    def to_api(self, *, as_given: bool = False) -> dict[str, Any]:
        """Dump as JSON-ready values in camelCase: what is None is absent, never null.

        `as_given`: defaults are absent too, so that it is what was read.
        """
        return self.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_unset=as_given)


class Lenient(Model):
    """A part of the resource that programs write: what another version added is ignored."""

    model_config = ConfigDict(extra="ignore")


_FIRST: Final = datetime.min.replace(tzinfo=UTC)
_LAST: Final = datetime.max.replace(tzinfo=UTC, microsecond=0)


def _to_seconds(time: datetime) -> datetime:
    try:
        return time.astimezone(UTC).replace(microsecond=0)
    except OverflowError:
        # A kubelet's clock, or who edits an annotation, can say anything: the years 0 and 10000 cannot be written.
        return _FIRST if time.year == _FIRST.year else _LAST


def format_time(time: datetime) -> str:
    """Format as RFC 3339 in UTC with seconds, as metav1.Time does."""
    # Not strftime, which writes years before 1000 with fewer digits than the API server takes.
    return _to_seconds(time).replace(tzinfo=None).isoformat() + "Z"


Time = Annotated[AwareDatetime, AfterValidator(_to_seconds), PlainSerializer(format_time, return_type=str)]


def cut(limit: int) -> BeforeValidator:
    """Make a validator for texts that programs write: what is too long is cut, not refused."""

    def shorten(text: Any) -> Any:
        return f"{text[: limit - 1]}…" if isinstance(text, str) and len(text) > limit else text

    return BeforeValidator(shorten)


# https://kubernetes.io/docs/concepts/overview/working-with-objects/names/
OBJECT_NAME: Final = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"
LABEL_VALUE: Final = r"^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$"
DNS_LABEL: Final = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"

ObjectName = Annotated[
    str, Field(min_length=1, max_length=253, pattern=OBJECT_NAME, description="The name of an object.")
]
DnsLabel = Annotated[
    str,
    Field(min_length=1, max_length=63, pattern=DNS_LABEL, description="A name of lower case letters, digits, dashes."),
]
LabelValue = Annotated[str, Field(max_length=63, pattern=LABEL_VALUE, description="A label's value.")]
Word = Annotated[str, Field(max_length=253, description="A word.")]
Line = Annotated[str, Field(max_length=4096, description="A text.")]

PARAMETER_NAME: Final = r"^[A-Za-z][A-Za-z0-9_]{0,62}$"
ParameterName = Annotated[
    str,
    Field(
        min_length=1,
        max_length=63,
        pattern=PARAMETER_NAME,
        description="A letter, then letters, digits and underscores; `mesh` is PARAM_MESH in the environment. "
        "YAML reads y, n, yes, no, on and off as booleans: quote them.",
        json_schema_extra=validated(rules.NAMED_AS_BOOLEAN_RULE),
    ),
]

# Extensible parts that are passed to the pod as they are (style: deep and harmless parts stay opaque).
Opaque = Annotated[
    dict[str, Any],
    WithJsonSchema(
        {
            "type": "object",
            "description": "Passed on to the pod as written.",
            "maxProperties": 64,
            "x-kubernetes-preserve-unknown-fields": True,
        }
    ),
]
