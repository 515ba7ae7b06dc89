"""The CEL rules of the CRD and their messages, for what the schema alone cannot reject.

The models check most of them again with the same messages, for objects that were stored before a rule existed.
https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#validation-rules
"""

import re
from collections.abc import Iterable
from typing import Any, Final

from simjob.api.podtemplate import podannotations

Rule = dict[str, Any]

ONE_CASE_SOURCE: Final = "`cases` must have exactly one of `count`, `matrix`, `list`, `samples` and `configMap`"
CASES_OR_RERUN: Final = "`spec` must have exactly one of `cases` and `rerunOf`"
NEEDS_QUEUE: Final = "`queuePriorityClassName` and `queueMaxExecTimeSeconds` need `queueName`"
RERUN_OF_ITSELF: Final = "`rerunOf` must not name the SimulationJob itself"
SAMPLED_UNIQUE: Final = "parameter names in `samples` must be unique, ignoring case"
MIN_BELOW_MAX: Final = "`min` must be less than `max`"
LOG_POSITIVE: Final = "`min` must be greater than 0 if `scale` is 'Log'"
RANGE_BACKWARDS: Final = "an index range must not run backwards, as '9-3' does: write '3-9'"
EXIT_CODES_UNIQUE: Final = "exit codes must be unique"
COUNT_OR_PERCENT: Final = "must be a number from 0 to 100000 or a percentage from '0%' to '100%'"
AXES_UNIQUE: Final = "axis names in `matrix` must be unique, ignoring case"
PARAMETER_NAME: Final = "must begin with a letter, and have only letters, digits and underscores, at most 63 in all"
# The keys y, n, yes, no, on and off become these: kubectl, Helm and Argo CD read YAML 1.1.
NAMES_OF_BOOLEANS: Final = frozenset({"true", "false"})
QUOTE_BOOLEANS: Final = "YAML reads y, n, yes, no, on and off as true and false: quote y, n, yes, no, on and off"
NAMED_AS_BOOLEAN: Final = f"must not be 'true' or 'false': {QUOTE_BOOLEANS}"
PARAMETERS_UNIQUE: Final = "parameter names must be unique, ignoring case"
CASES_UNIQUE: Final = "case names in `list` must be unique"
CONTAINERS_UNIQUE: Final = "container names must be unique across `containers` and `initContainers`"
SIDECAR_FIELDS: Final = "`lifecycle` and probes of an init container need `restartPolicy: Always`"
VOLUMES_UNIQUE: Final = "volume names must be unique"
ONE_VOLUME_SOURCE: Final = "a volume must have exactly one source, such as `emptyDir` or `configMap`"
QUANTITY: Final = "must be a quantity that is not negative, such as '500m', '2' or '16Gi'"
DROPS_ALL: Final = (
    "`drop` must include ALL, as Pod Security 'restricted' requires. Leave `capabilities` out to drop ALL"
)
RUNTIME_ANNOTATIONS: Final = "annotations must not disable AppArmor or seccomp, or configure the container runtime"
POSITIVE_QUANTITY: Final = "must be a quantity greater than zero, such as '500m', '2' or '16Gi'"


def too_many_cases(total: int, limit: int) -> str:
    """Return the message for a matrix with more combinations than the limit for one SimulationJob."""
    return f"`matrix` must not have more than {limit} combinations, but has {total}"


def _rule(rule: str, message: str, **more: str) -> Rule:
    return {"rule": rule, "message": message, **more}


def _unique(message: str, key: str = "name") -> Rule:
    # Not with the reason FieldValueDuplicate: the API server then leaves out the message.
    return _rule(f"self.all(x, self.exists_one(y, y.{key} == x.{key}))", message)


def _immutable(field: str, same: str) -> Rule:
    message = f"`{field}` is immutable: create a new SimulationJob instead"
    return _rule(same, message, reason="FieldValueForbidden", fieldPath=f".{field}")


def one_source_rule(fields: Iterable[str], message: str) -> Rule:
    """Return the rule that exactly one of these fields is set."""
    given = ", ".join(f"has(self.{field})" for field in fields)
    return _rule(f"[{given}].exists_one(given, given)", message)


POSITIVE_QUANTITY_RULE: Final = _rule(
    "(type(self) == int || isQuantity(self)) && quantity(string(self)).compareTo(quantity('0')) > 0", POSITIVE_QUANTITY
)

PERCENTAGE: Final = re.compile(r"(100|[1-9]?[0-9])%")
COUNT_OR_PERCENT_RULE: Final = _rule(
    f"type(self) == int ? self >= 0 && self <= 100000 : self.matches('^{PERCENTAGE.pattern}$')", COUNT_OR_PERCENT
)
RANGES_RULE: Final = _rule(
    "self.split(',').all(r, !r.contains('-') || int(r.split('-')[0]) <= int(r.split('-')[1]))", RANGE_BACKWARDS
)

ONE_CASE_SOURCE_RULE: Final = one_source_rule(("count", "matrix", "list", "samples", "configMap"), ONE_CASE_SOURCE)
SAMPLED_UNIQUE_RULE: Final = _unique(SAMPLED_UNIQUE, "name.upperAscii()")
MIN_BELOW_MAX_RULE: Final = _rule("self.min < self.max", MIN_BELOW_MAX)
LOG_POSITIVE_RULE: Final = _rule("!has(self.scale) || self.scale != 'Log' || self.min > 0.0", LOG_POSITIVE)
# Only the API server checks this rule, so that jobs which were accepted before it existed run on.
NAMED_AS_BOOLEAN_RULE: Final = _rule(f"!(self in {sorted(NAMES_OF_BOOLEANS)})", NAMED_AS_BOOLEAN)
AXES_UNIQUE_RULE: Final = _unique(AXES_UNIQUE, "name.upperAscii()")
_CONTAINER_NAMES: Final = (
    "(self.containers.map(c, c.name) + (has(self.initContainers) ? self.initContainers.map(c, c.name) : []))"
)
CONTAINERS_UNIQUE_RULE: Final = _rule(
    f"{_CONTAINER_NAMES}.all(x, {_CONTAINER_NAMES}.exists_one(y, y == x))", CONTAINERS_UNIQUE, fieldPath=".containers"
)
SIDECAR_FIELDS_RULE: Final = _rule(
    "has(self.restartPolicy) || !(has(self.lifecycle) || has(self.startupProbe) || has(self.readinessProbe) "
    "|| has(self.livenessProbe))",
    SIDECAR_FIELDS,
)
VOLUMES_UNIQUE_RULE: Final = _unique(VOLUMES_UNIQUE)

# Only the API server checks these two rules, so that jobs which were accepted before they existed run on.
DROPS_ALL_RULE: Final = _rule("'ALL' in self", DROPS_ALL)


def _runtime_annotations() -> Rule:
    prefixes, domains = list(podannotations.PREFIXES), list(podannotations.DOMAINS)
    bad = f"({prefixes}.exists(p, key.startsWith(p)) || {domains}.exists(d, key.contains(d)))"
    return {
        **_rule(f"self.all(key, !{bad})", RUNTIME_ANNOTATIONS),
        "messageExpression": f"'annotation ' + self.filter(key, {bad})[0] + ' is refused: {RUNTIME_ANNOTATIONS}'",
    }


RUNTIME_ANNOTATIONS_RULE: Final = _runtime_annotations()


# For the API server, lists of type map are equal in any order. Here the order gives the indexes, so compare it, too.
_SAME_ORDER: Final = (
    "(!has(self.cases) || !has(self.cases.list) || self.cases.list.map(c, c.name) == oldSelf.cases.list.map(c, c.name))"
)


def _same(path: str) -> str:
    """Return CEL that compares an optional field, such as `type` or `timeouts.runSeconds`, with its old value."""
    outer, _, inner = path.partition(".")
    new, old = f"has(self.{outer})", f"has(oldSelf.{outer})"
    if inner:
        new, old = f"({new} && has(self.{path}))", f"({old} && has(oldSelf.{path}))"
    return f"{new} == {old} && (!{new} || self.{path} == oldSelf.{path})"


SPEC_RULES: Final = [
    one_source_rule(("cases", "rerunOf"), CASES_OR_RERUN),
    _rule(
        "has(self.queueName) || !(has(self.queuePriorityClassName) || has(self.queueMaxExecTimeSeconds))", NEEDS_QUEUE
    ),
    _immutable("cases", f"{_same('cases')} && {_SAME_ORDER}"),
    _immutable("template", "self.template == oldSelf.template"),
    *(
        _immutable(field, _same(field))
        for field in (
            "type",
            "project",
            "parentJob",
            "rerunOf",
            "subset",
            "resources",
            "task",
            "retries",
            "priorityClassName",
            "queueName",
            "queuePriorityClassName",
            "queueMaxExecTimeSeconds",
            "timeouts.assignSeconds",
            "timeouts.startSeconds",
            "timeouts.runSeconds",
        )
    ),
]

# These rules settle the race between a cancel and the end of the job. The API server checks each update, of spec or
# status, against the stored object. So exactly one of the two wins, whichever client writes and whatever crashes.
# None of them refuses to set `cancel` after the end: a policy does (manifests/base/admission/late-cancel.yaml), because
# a policy can be relaxed.
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
    _rule(
        "!has(self.spec.rerunOf) || self.spec.rerunOf.name != self.metadata.name",
        RERUN_OF_ITSELF,
        fieldPath=".spec.rerunOf",
    ),
    _rule(
        f"!{_phase_in('oldSelf', _FINAL)} || {_SAME_PHASE}",
        "the phase may not change: COMPLETED, FAILED and CANCELLED are final",
        reason="FieldValueForbidden",
        fieldPath=".status.phase",
    ),
    _rule(
        f"!({_set('self')} || {_latched('self')} || {_latched('oldSelf')}) || !{_phase_in('self', _ENDED)} "
        f"|| {_SAME_PHASE}",
        "the phase may not become COMPLETED or FAILED: the SimulationJob was cancelled before it ended",
        reason="FieldValueForbidden",
        fieldPath=".status.phase",
    ),
    _rule(
        f"!{_latched('oldSelf')} || ({_latched('self')} "
        "&& self.status.cancellation.requestedAt == oldSelf.status.cancellation.requestedAt)",
        "the cancellation may not be removed, and its requestedAt may not change",
        reason="FieldValueForbidden",
        fieldPath=".status.cancellation",
    ),
    _rule(
        f"!{_phase_in('oldSelf', _ENDED)} || {_latched('oldSelf')} || !{_latched('self')}",
        "the cancellation may not be added: the SimulationJob is COMPLETED or FAILED, and was not cancelled",
        reason="FieldValueForbidden",
        fieldPath=".status.cancellation",
    ),
]
