"""The refusals and merges of the API server that FakeCluster needs."""

import copy
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from simjob.runtime.client import errors

Raw = dict[str, Any]
_ENDS: Final = ("COMPLETED", "FAILED", "CANCELLED")
_CONFIG_MAP_BYTES: Final = 1024 * 1024
_NEEDED_FIRST: Final = {"Complete": "SuccessCriteriaMet", "Failed": "FailureTarget"}


def merged(old: Raw, patch: Raw) -> Raw:
    """Returns `old` with a JSON merge patch (RFC 7396)."""
    new = copy.deepcopy(old)
    for key, value in patch.items():
        if value is None:
            new.pop(key, None)
        elif isinstance(value, dict):
            before = new.get(key)
            new[key] = merged(before if isinstance(before, dict) else {}, value)
        else:
            new[key] = copy.deepcopy(value)
    return new


def timestamp(time: datetime) -> str:
    """Returns it as metav1.Time has it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def _invalid(message: str) -> errors.InvalidError:
    return errors.InvalidError(message, code=422, reason="Invalid")


def check_template(job: Raw) -> None:
    """Refuse a new Job with an invalid template."""
    if job["spec"]["template"]["spec"].get("restartPolicy") not in ("Never", "OnFailure"):
        raise _invalid("spec.template.spec.restartPolicy: Required value: valid values: OnFailure, Never")


def check_job_status(old: Raw, new: Raw) -> None:
    """Refuse a status that kubernetes:pkg/registry/batch/job/strategy.go refuses for an externally managed Job."""
    true = {c["type"] for c in new.get("conditions", []) if c["status"] == "True"}
    before = {c["type"] for c in old.get("conditions", []) if c["status"] == "True"}
    for end, first in _NEEDED_FIRST.items():
        if end in true and first not in true:
            raise _invalid(f"{end} needs {first}")
        if end in before and end not in true:
            raise _invalid(f"{end} cannot be taken back")
    if true & set(_NEEDED_FIRST):
        if new.get("active") or new.get("ready"):
            raise _invalid("a finished Job has no active pods")
        if "startTime" not in new:
            raise _invalid("a finished Job has a startTime")
    if ("Complete" in true) != ("completionTime" in new):
        raise _invalid("completionTime goes with Complete")


def check_simulationjob(old: Raw, new: Raw) -> None:
    """Refuse a change by the CRD's rules that decide between a cancel and the end.

    A cancel that comes after the end is accepted: no rule of the CRD refuses it, and the fake has no policies.
    """
    was, now = (raw.get("status", {}).get("phase", "") for raw in (old, new))
    wished = bool(new.get("spec", {}).get("cancel"))
    latch, kept = (raw.get("status", {}).get("cancellation") for raw in (old, new))
    if was in ("COMPLETED", "FAILED") and kept and not latch:
        raise _invalid("the end came first")
    if was in _ENDS and now != was:
        raise _invalid("an end is final")
    if (wished or latch or kept) and now in ("COMPLETED", "FAILED") and now != was:
        raise _invalid("cancel came first")
    if latch and (not kept or kept.get("requestedAt") != latch.get("requestedAt")):
        raise _invalid("the latch stays")


def check_config_map(raw: Raw) -> None:
    """Refuse a ConfigMap over the size limit; all its values count."""
    if sum(len(value.encode()) for value in raw.get("data", {}).values()) > _CONFIG_MAP_BYTES:
        raise _invalid("[]: Too long: may not be more than 1048576 bytes")


def check_quota(hard: Mapping[str, int], resource: str, name: str, ended: Sequence[bool]) -> None:
    """Refuse one more of a resource where a quota is used up. `ended`: of each one that is there, whether it has ended.

    `count/…` counts all; `pods` leaves out those that have ended.
    """
    used = {f"count/{resource}": len(ended), resource: len(ended) - sum(ended)}
    full = next((key for key, count in used.items() if key in hard and count >= hard[key]), None)
    if full is None:
        return
    message = f"exceeded quota: q, requested: {full}=1, used: {full}={used[full]}, limited: {full}={hard[full]}"
    kind = errors.ObjectQuotaError if full.startswith("count/") else errors.ForbiddenError
    raise kind(f'{resource} "{name}" is forbidden: {message}', code=403, reason="Forbidden")
