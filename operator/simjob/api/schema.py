"""What all models of the API share: camelCase aliases, strictness, dumping, and bounded scalar types.

Every type has a description and bounds, because the API server shows and enforces both
(crd/generate.py turns them into the CRD).
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
    """Return the schema extension that makes the API server check these CEL rules."""
    return {"x-kubernetes-validations": list(rules)}


def list_map(key: str) -> dict[str, Any]:
    """Return the schema extension for a list whose items are identified by this field."""
    return {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [key]}


# For parts that are immutable. Without this, managedFields would list every field in them, would be larger than the
# part itself, and would slow down every status write (2,000 listed cases: 283 KiB, twice the CPU time).
# https://kubernetes.io/docs/reference/using-api/server-side-apply/#merge-strategy
ATOMIC: Final = {"x-kubernetes-map-type": "atomic"}


def require_unique(found: Iterable[str], message: str) -> None:
    """Raise ValueError with the message and the first repeated name, if a name occurs more than once."""
    repeated = sorted(name for name, times in Counter(found).items() if times > 1)
    if repeated:
        raise ValueError(f"{message}: '{repeated[0]}' occurs more than once")


class Model(BaseModel):
    """A part of the resource that users write. Unknown fields are errors, as for the API server.

    `simulationjob.read` ignores unknown fields nevertheless, because another version's CRD may have allowed them.
    """

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True, extra="forbid")

    def to_api(self, *, as_given: bool = False) -> dict[str, Any]:
        """Return JSON-ready values with camelCase keys, without fields that are None.

        `as_given` also leaves out defaults, so that the result is what was read.
        """
        return self.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_unset=as_given)


class Lenient(Model):
    """A part of the resource that programs write. Unknown fields are ignored: another version may have added them."""

    model_config = ConfigDict(extra="ignore")


_FIRST: Final = datetime.min.replace(tzinfo=UTC)
_LAST: Final = datetime.max.replace(tzinfo=UTC, microsecond=0)


def _to_seconds(time: datetime) -> datetime:
    try:
        return time.astimezone(UTC).replace(microsecond=0)
    except OverflowError:
        # A wrong clock or an edited annotation can hold any time; datetime cannot hold the years 0 and 10000.
        return _FIRST if time.year == _FIRST.year else _LAST


def format_time(time: datetime) -> str:
    """Return the time as RFC 3339 in UTC, to the second, as metav1.Time does."""
    # Not strftime: it writes years before 1000 with fewer than four digits, which the API server rejects.
    return _to_seconds(time).replace(tzinfo=None).isoformat() + "Z"


Time = Annotated[AwareDatetime, AfterValidator(_to_seconds), PlainSerializer(format_time, return_type=str)]


def cut(limit: int) -> BeforeValidator:
    """Return a validator that cuts texts longer than `limit` characters: programs write them, so none is refused."""

    def shorten(text: Any) -> Any:
        return f"{text[: limit - 1]}…" if isinstance(text, str) and len(text) > limit else text

    return BeforeValidator(shorten)


# https://kubernetes.io/docs/concepts/overview/working-with-objects/names/
OBJECT_NAME: Final = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"
LABEL_VALUE: Final = r"^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$"
DNS_LABEL: Final = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"

ObjectName = Annotated[str, Field(min_length=1, max_length=253, pattern=OBJECT_NAME, description="Name of an object.")]
DnsLabel = Annotated[
    str,
    Field(min_length=1, max_length=63, pattern=DNS_LABEL, description="A name of lower case letters, digits, dashes."),
]
LabelValue = Annotated[str, Field(max_length=63, pattern=LABEL_VALUE, description="Value of a label.")]
Word = Annotated[str, Field(max_length=253, description="A word.")]
Line = Annotated[str, Field(max_length=4096, description="A text.")]

PARAMETER_NAME: Final = r"^[A-Za-z][A-Za-z0-9_]{0,62}$"
ParameterName = Annotated[
    str,
    Field(
        min_length=1,
        max_length=63,
        pattern=PARAMETER_NAME,
        description="Name of the parameter: a letter, then letters, digits and underscores. The environment variable "
        "of `mesh` is PARAM_MESH. YAML reads y, n, yes, no, on and off as booleans: quote them.",
        json_schema_extra=validated(rules.NAMED_AS_BOOLEAN_RULE),
    ),
]

# Deep, harmless parts of a pod have no schema here: they would make the CRD much longer, and the API server checks them
# when it creates the pod.
Opaque = Annotated[
    dict[str, Any],
    WithJsonSchema(
        {
            "type": "object",
            "description": "Part of the pod, passed on as written.",
            "maxProperties": 64,
            "x-kubernetes-preserve-unknown-fields": True,
        }
    ),
]
