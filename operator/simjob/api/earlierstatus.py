"""`status.ledger` and `status.round`: the earlier form of the outcomes and of `restarts`. The next release deletes it.

The operator of the last release reads and writes this form only, and its CRD stores no other. So a status is read as
the union of both forms, because outcomes and restarts only grow, and is always written in both. Where the stored forms
differ, the next write makes them equal.

To delete it: remove the base class of `Status`, the validator of `SimulationJob.status`, and `EARLIER_LABEL_RESTARTS`.
"""

from collections.abc import Mapping
from typing import Any, Final, Self, TypeVar

from pydantic import ConfigDict, PrivateAttr, ValidatorFunctionWrapHandler

from simjob.api import names
from simjob.api.schema import INT32_MAX, Lenient
from simjob.api.sweep.ranges import MAX_TEXT, Ranges

# The label of Jobs by which the last release reads their number.
EARLIER_LABEL_RESTARTS: Final = f"{names.GROUP}/round"

# The fields of today, and their names in `ledger`.
_OUTCOMES: Final = {"succeededIndexes": "succeeded", "failedIndexes": "failed", "cancelledIndexes": "cancelled"}
_CANCELLING: Final = "cancellingIndexes"
_IN_LEDGER: Final = {**_OUTCOMES, _CANCELLING: "cancelling"}
_RESTARTS: Final = "restarts"
_TODAY: Final = (*_IN_LEDGER, _RESTARTS)
_FIELDS: Final = (*_TODAY, "ledger", "round")
_DEPRECATED: Final = "Deprecated, and removed in the next release: read"


def _add_earlier_fields(schema: dict[str, Any]) -> None:
    parts = {
        name: {"type": "string", "maxLength": MAX_TEXT, "description": f"{_DEPRECATED} `{field}`."}
        for field, name in _IN_LEDGER.items()
    }
    fields = ", ".join(f"`{field}`" for field in _IN_LEDGER)
    schema["properties"] |= {
        "ledger": {"type": "object", "description": f"{_DEPRECATED} {fields}.", "properties": parts},
        "round": {
            "type": "integer",
            "minimum": 0,
            "maximum": INT32_MAX,
            "description": f"{_DEPRECATED} `{_RESTARTS}`.",
        },
    }


class WithEarlierForm(Lenient):
    """A status that is written in both forms."""

    model_config = ConfigDict(json_schema_extra=_add_earlier_fields)

    # Both forms as they are stored, if they differ.
    _stored: dict[str, Any] | None = PrivateAttr(default=None)

    def to_api(self, *, as_given: bool = False) -> dict[str, Any]:
        """See Model.to_api."""
        made = super().to_api(as_given=as_given)
        if as_given and self._stored is not None:
            return {key: value for key, value in made.items() if key not in _FIELDS} | self._stored
        ledger = {name: made[field] for field, name in _IN_LEDGER.items() if field in made}
        return {
            **made,
            **({"ledger": ledger} if ledger else {}),
            **({"round": made[_RESTARTS]} if _RESTARTS in made else {}),
        }

    def completed(self, patch: Mapping[str, Any]) -> dict[str, Any]:
        """Return a merge patch to this status with all fields of today, if it has one of them.

        The stored status may have none of them although they were written, because the CRD of the last release drops
        them. After an upgrade of the CRD, one of them alone would say that there are no cases in the others.
        """
        if not patch.keys() & {*_TODAY}:
            return {**patch}
        made = super().to_api()
        return {**{field: made[field] for field in _TODAY if field in made}, **patch}

    def in_step(self) -> Self:
        """Return a status that counts as changed if the stored forms differ, so that it is written."""
        if self._stored is None:
            return self
        found = self.model_copy()
        found._stored = None  # noqa: SLF001  # a copy of its own
        return found


Read = TypeVar("Read", bound=WithEarlierForm)


def read(raw: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    """Read a status as the API server gives it, as the union of both forms."""
    if not isinstance(raw, Mapping) or not _differ(raw, _ledger(raw)):
        return handler(raw)
    found: WithEarlierForm = handler(_merged(raw, _ledger(raw)))
    found._stored = {key: raw[key] for key in _FIELDS if raw.get(key) is not None}  # noqa: SLF001  # no field of it
    return found


def _ledger(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    ledger = raw.get("ledger")
    if ledger is not None and not isinstance(ledger, Mapping):
        raise ValueError("ledger: must be an object")
    return ledger or {}


def _differ(raw: Mapping[str, Any], ledger: Mapping[str, Any]) -> bool:
    same = all((raw.get(field) or "") == (ledger.get(name) or "") for field, name in _IN_LEDGER.items())
    return not same or (raw.get(_RESTARTS) or 0) != (raw.get("round") or 0)


def _merged(raw: Mapping[str, Any], ledger: Mapping[str, Any]) -> dict[str, Any]:
    found = {**raw}
    for field, name in _IN_LEDGER.items():
        if ledger.get(name) is not None:
            found[field] = _union(raw.get(field), _ranges(f"ledger.{name}", ledger[name]))
    if found.get(_CANCELLING) is not None:
        found[_CANCELLING] = _not_ended(found)
    if raw.get("round") is not None:
        found[_RESTARTS] = _later(raw.get(_RESTARTS), raw["round"])
    return found


def _union(today: Any, earlier: Ranges) -> Any:
    """Return the indexes in either form. What cannot be read is left to the model, which names its field."""
    if today is None or isinstance(today, Ranges):
        return earlier.union(today or Ranges())
    try:
        return _ranges("", today).union(earlier)
    except ValueError:
        return today


def _not_ended(found: Mapping[str, Any]) -> Any:
    """Return what is still being cancelled: the form that is behind does not know that it has ended."""
    left = _union(found[_CANCELLING], Ranges())
    for field in _OUTCOMES:
        ended = _union(found.get(field), Ranges())
        if isinstance(left, Ranges) and isinstance(ended, Ranges):
            left = left.minus(ended)
    return left or None


def _ranges(field: str, text: Any) -> Ranges:
    try:
        if isinstance(text, str):
            return Ranges.parse(text)
    except ValueError as error:
        raise ValueError(f"{field}: {error}") from None
    raise ValueError(f"{field}: must be a text")


def _later(today: Any, earlier: Any) -> Any:
    if not isinstance(earlier, int) or not 0 <= earlier <= INT32_MAX:
        raise ValueError(f"round: must be a number from 0 to {INT32_MAX}")
    return max(today, earlier) if isinstance(today, int) else earlier if today is None else today
