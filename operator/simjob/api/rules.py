"""The texts and CEL rules by which the API server refuses what a schema alone cannot.

The models say the same texts where they check the same thing, for objects stored before a rule existed.
https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#validation-rules
"""

from collections.abc import Iterable
from typing import Any, Final

Rule = dict[str, Any]

ONE_CASE_SOURCE: Final = "`cases` must have exactly one of `count`, `matrix` and `list`"
AXES_UNIQUE: Final = "axis names in `matrix` must be unique, upper and lower case being the same"
PARAMETERS_UNIQUE: Final = "parameter names must be unique, upper and lower case being the same"
CASES_UNIQUE: Final = "case names in `list` must be unique"
CONTAINERS_UNIQUE: Final = "container names must be unique, also among `initContainers`"
VOLUMES_UNIQUE: Final = "volume names must be unique"
ONE_VOLUME_SOURCE: Final = "a volume must have exactly one source, such as `emptyDir` or `configMap`"
QUANTITY: Final = "must be a quantity that is not negative, such as '500m', '2' or '16Gi'"
POSITIVE_QUANTITY: Final = "must be a quantity greater than zero, such as '500m', '2' or '16Gi'"


def too_many_cases(total: int, limit: int) -> str:
    """Say that the axes multiply to more cases than one SimulationJob may have."""
    return f"`matrix` must not make more than {limit} cases, but makes {total}"


def _rule(rule: str, message: str, **more: str) -> Rule:
    return {"rule": rule, "message": message, **more}


def _unique(message: str, key: str = "name") -> Rule:
    # Without the reason FieldValueDuplicate: the API server says that one without the message.
    return _rule(f"self.all(x, self.exists_one(y, y.{key} == x.{key}))", message)


def _immutable(field: str, same: str) -> Rule:
    message = f"`{field}` is immutable: make a new SimulationJob"
    return _rule(same, message, reason="FieldValueForbidden", fieldPath=f".{field}")


def _optional_immutable(field: str) -> Rule:
    new, old = f"self.{field}", f"oldSelf.{field}"
    return _immutable(field, f"has({new}) == has({old}) && (!has({new}) || {new} == {old})")


def one_source_rule(fields: Iterable[str], message: str) -> Rule:
    """Demand exactly one of the fields."""
    given = ", ".join(f"has(self.{field})" for field in fields)
    return _rule(f"[{given}].exists_one(given, given)", message)


_AMOUNT: Final = "(type(self) == int || isQuantity(self)) && quantity(string(self)).compareTo(quantity('0'))"
QUANTITY_RULE: Final = _rule(f"{_AMOUNT} >= 0", QUANTITY)
POSITIVE_QUANTITY_RULE: Final = _rule(f"{_AMOUNT} > 0", POSITIVE_QUANTITY)

ONE_CASE_SOURCE_RULE: Final = one_source_rule(("count", "matrix", "list"), ONE_CASE_SOURCE)
AXES_UNIQUE_RULE: Final = _unique(AXES_UNIQUE, "name.upperAscii()")
_CONTAINER_NAMES: Final = (
    "(self.containers.map(c, c.name) + (has(self.initContainers) ? self.initContainers.map(c, c.name) : []))"
)
CONTAINERS_UNIQUE_RULE: Final = _rule(
    f"{_CONTAINER_NAMES}.all(x, {_CONTAINER_NAMES}.exists_one(y, y == x))", CONTAINERS_UNIQUE, fieldPath=".containers"
)
VOLUMES_UNIQUE_RULE: Final = _unique(VOLUMES_UNIQUE)


# Two lists keyed by name are equal for the API server in whatever order they are; the order gives the indexes.
_SAME_ORDER: Final = "self.cases.list.map(c, c.name) == oldSelf.cases.list.map(c, c.name)"
SPEC_RULES: Final = [
    _immutable("cases", f"self.cases == oldSelf.cases && (!has(self.cases.list) || {_SAME_ORDER})"),
    _immutable("template", "self.template == oldSelf.template"),
    *(_optional_immutable(field) for field in ("type", "project", "resources", "retries")),
]

# Cancel against the end. On an update of the spec the old status is there to compare with, and on an update of
# the status the spec is: each request is judged against what is stored, so that exactly one of "cancelled" and
# "ended otherwise" wins, whoever writes and whatever crashes.
_ENDED: Final = "['COMPLETED', 'FAILED']"
_FINAL: Final = "['COMPLETED', 'FAILED', 'CANCELLED']"


def _set(job: str) -> str:
    return f"(has({job}.spec.cancel) && {job}.spec.cancel)"


def _latched(job: str) -> str:
    return f"(has({job}.status) && has({job}.status.cancellation))"


def _phase_in(job: str, phases: str) -> str:
    return f"(has({job}.status) && has({job}.status.phase) && {job}.status.phase in {phases})"


_SAME_PHASE: Final = (
    "(has(self.status) && has(self.status.phase) && has(oldSelf.status) && has(oldSelf.status.phase) "
    "&& self.status.phase == oldSelf.status.phase)"
)
ROOT_RULES: Final = [
    {
        "rule": f"!{_phase_in('oldSelf', _ENDED)} || {_set('oldSelf')} || !{_set('self')}",
        "message": "spec.cancel may not be set: the SimulationJob has already ended",
        "messageExpression": "'spec.cancel may not be set: the SimulationJob is already ' + oldSelf.status.phase",
        "reason": "FieldValueForbidden",
        "fieldPath": ".spec.cancel",
    },
    _rule(
        f"!{_phase_in('oldSelf', _FINAL)} || {_SAME_PHASE}",
        "the phase may not change: COMPLETED, FAILED and CANCELLED are final",
        reason="FieldValueForbidden",
        fieldPath=".status.phase",
    ),
    _rule(
        f"!({_set('self')} || {_latched('oldSelf')}) || !{_phase_in('self', _ENDED)} || {_SAME_PHASE}",
        "the phase may not become COMPLETED or FAILED: the SimulationJob was cancelled before it ended",
        reason="FieldValueForbidden",
        fieldPath=".status.phase",
    ),
    _rule(
        f"!{_latched('oldSelf')} || ({_latched('self')} "
        "&& self.status.cancellation.requestedAt == oldSelf.status.cancellation.requestedAt)",
        "the cancellation may not be taken back or dated anew",
        reason="FieldValueForbidden",
        fieldPath=".status.cancellation",
    ),
]
