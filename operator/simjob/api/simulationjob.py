"""The SimulationJob resource, and how it is read from the API server.

Unknown fields of the spec are ignored: the API server rejects typos, so such fields come from another version's CRD.
A SimulationJob that cannot be read is a value, `Invalid`, not an exception, because its status must report it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError, WrapValidator
from pydantic_core import ErrorDetails

from simjob.api import earlierstatus, names
from simjob.api.crd import rules
from simjob.api.schema import PARAMETER_NAME, Lenient, Time, validated
from simjob.api.spec import Spec
from simjob.api.status import Status
from simjob.api.sweep.ranges import Ranges

MAX_REPORTED: Final = 5

# Plain words in place of pydantic's, for its two most frequent errors.
_REASONS: Final = {
    "missing": "is required",
    "too_short": "must not be empty",
}

_WHICH_CASES: Final = frozenset({"cases", "rerunOf", "subset"})
# Stand-ins for parts that cannot be read. The history keeps all Jobs, so that no log is deleted by mistake.
_HARMLESS: Final[Mapping[str, Any]] = {
    "template": {"spec": {"containers": [{"name": "unreadable", "image": "unreadable"}]}},
    "history": {"succeededCases": 10_000, "failedCases": 10_000},
}


class ManagedField(Lenient):
    """An entry of managedFields: which manager set which fields."""

    manager: str = ""
    operation: str = ""
    subresource: str = ""
    time: Time | None = None
    fields_v1: Annotated[dict[str, Any], Field(default_factory=dict)]


def _ours(annotations: Any) -> Any:
    """Return only the operator's own annotations: the one of `kubectl apply` has a copy of the whole manifest."""
    if not isinstance(annotations, Mapping):
        return annotations
    return {key: value for key, value in annotations.items() if str(key).startswith(f"{names.GROUP}/")}


class Metadata(Lenient):
    """The part of the object's metadata that the operator reads."""

    name: str
    namespace: str = ""
    uid: str = ""
    generation: int = 0
    resource_version: str = ""
    creation_timestamp: Time | None = None
    deletion_timestamp: Time | None = None
    labels: Annotated[dict[str, str], Field(default_factory=dict)]
    annotations: Annotated[dict[str, str], Field(default_factory=dict), BeforeValidator(_ours)]
    finalizers: tuple[str, ...] = ()
    managed_fields: tuple[ManagedField, ...] = ()

    @property
    def orphans_children(self) -> bool:
        """Whether it is being deleted without its children (kubectl delete --cascade=orphan)."""
        return self.deletion_timestamp is not None and names.FINALIZER_ORPHAN in self.finalizers


StoredStatus = Annotated[Status, WrapValidator(earlierstatus.read)]
_STATUS: Final = TypeAdapter(StoredStatus)


class SimulationJob(Lenient):
    """A sweep: one simulation run for many cases."""

    model_config = ConfigDict(json_schema_extra=validated(*rules.ROOT_RULES))

    api_version: str = names.API_VERSION
    kind: str = names.KIND
    metadata: Metadata
    spec: Spec
    status: StoredStatus = Status()

    @property
    def indexes(self) -> Ranges | None:
        """Return the indexes of all cases; None until a table or another job's cases have been copied and counted."""
        if self.spec.cases is not None and self.spec.cases.total is not None:
            return Ranges.span(self.spec.cases.total)
        return self.status.case_table.indexes if self.status.case_table else None

    @property
    def selection(self) -> Ranges:
        """Return the indexes of the cases to run: all or `subset`. Empty until the cases are known."""
        cases = self.indexes or Ranges()
        return cases if self.spec.subset is None else cases.intersection(self.spec.subset)


@dataclass(frozen=True, slots=True, kw_only=True)
class Invalid:
    """A SimulationJob that cannot be read, with the parts that can.

    `message` says what is wrong, with the path of each field. `status` is None if the status itself cannot be read.
    `spec` has stand-ins for what cannot be read; it is None if it is unknown which cases there are.
    """

    message: str
    metadata: Metadata
    status: Status | None
    cancel: bool
    cancel_reason: str | None
    spec: Spec | None = None

    @property
    def known(self) -> SimulationJob | None:
        """Return the readable part: enough to stop the job and to record outcomes, not to start cases. None if less."""
        if self.spec is None or self.status is None:
            return None
        return SimulationJob(metadata=self.metadata, spec=self.spec, status=self.status)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A SimulationJob, and the paths of the fields that this version does not know and ignores."""

    job: SimulationJob | Invalid
    unknown: tuple[str, ...] = ()


def parse(raw: Mapping[str, Any]) -> SimulationJob | Invalid:
    """Read a SimulationJob from the API server's JSON."""
    return read(raw).job


def reread(known: SimulationJob, raw: Mapping[str, Any]) -> SimulationJob | None:
    """Read a newer state of a known SimulationJob and reuse its spec: the same generation has the same spec.

    Return None if the uid or the generation differs, or if the rest cannot be read. The caller then calls `read`.
    """
    metadata = raw["metadata"]
    same = (metadata["uid"], metadata.get("generation")) == (known.metadata.uid, known.metadata.generation)
    if not same or not known.metadata.generation:
        return None
    try:
        # The spec is already a model instance, which pydantic does not validate again.
        return SimulationJob.model_validate({**raw, "spec": known.spec}, extra="ignore")
    except ValidationError:
        return None


def read(raw: Mapping[str, Any]) -> Reading:
    """Read a SimulationJob from the API server's JSON, and list the fields that are ignored."""
    try:
        return Reading(job=SimulationJob.model_validate(raw))
    except ValidationError as error:
        found = [one for one in error.errors() if one["type"] == "extra_forbidden"]
        if not found:
            return Reading(job=_invalid(raw, error))
    unknown = tuple(sorted({_path(one["loc"]) for one in found}))
    try:
        return Reading(job=SimulationJob.model_validate(raw, extra="ignore"), unknown=unknown)
    except ValidationError as error:
        return Reading(job=_invalid(raw, error), unknown=unknown)


def _invalid(raw: Mapping[str, Any], error: ValidationError) -> Invalid:
    spec = raw.get("spec")
    wish = spec if isinstance(spec, Mapping) else {}
    reason = wish.get("cancelReason")
    try:
        status: Status | None = _STATUS.validate_python(raw.get("status") or {})
    except ValidationError:
        status = None
    return Invalid(
        message=_explain(error),
        metadata=Metadata.model_validate(raw["metadata"]),
        status=status,
        cancel=wish.get("cancel") is True,
        cancel_reason=reason if isinstance(reason, str) else None,
        spec=_readable_part(wish, error),
    )


def _readable_part(spec: Mapping[str, Any], error: ValidationError) -> Spec | None:
    """Return the spec with stand-ins for what cannot be read; None if it is unknown which cases there are."""
    broken = {str(one["loc"][1]) for one in error.errors() if one["loc"][0] == "spec" and len(one["loc"]) > 1}
    if broken & _WHICH_CASES:
        return None
    rest = {name: value for name, value in spec.items() if name not in broken}
    try:
        return Spec.model_validate(
            {**{name: _HARMLESS[name] for name in broken & set(_HARMLESS)}, **rest}, extra="ignore"
        )
    except ValidationError:
        return None


def _explain(error: ValidationError) -> str:
    """Return what is wrong as one line: the path of each field, as users write it, and the reason."""
    found = error.errors()
    # pydantic also calls a list too short if all its items are wrong: report the items only.
    causes = [one for one in found if not (one["type"] == "too_short" and _contains_another(one["loc"], found))]
    reported = [f"{_path(one['loc'])}: {_reason(one)}" for one in causes[:MAX_REPORTED]]
    return "; ".join([*reported, f"and {len(causes) - MAX_REPORTED} more"] if len(causes) > MAX_REPORTED else reported)


def _contains_another(loc: Sequence[int | str], found: Sequence[ErrorDetails]) -> bool:
    return any(len(one["loc"]) > len(loc) and one["loc"][: len(loc)] == loc for one in found)


def _reason(found: ErrorDetails) -> str:
    if found.get("ctx", {}).get("pattern") == PARAMETER_NAME:
        return rules.PARAMETER_NAME
    return _REASONS.get(found["type"]) or found["msg"].removeprefix("Value error, ")


def _path(loc: Sequence[int | str]) -> str:
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc if part != "[key]")
    return "".join(parts).removeprefix(".")
