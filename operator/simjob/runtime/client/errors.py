"""The errors of API calls, distinguished by status code and reason, never by message.

Two exceptions are recognized by message: an exceeded quota, which has no reason or cause of its own, and an object
that is too large for etcd, which the API server reports as an internal error.
"""

import re
from collections.abc import Sequence
from typing import Final

import msgspec

# The message lists only the exceeded resources; see CheckRequest in
# kubernetes/kubernetes:staging/src/k8s.io/apiserver/pkg/admission/plugin/resourcequota/controller.go.
_OBJECT_QUOTA: Final = re.compile(r"exceeded quota: \S+, requested: (\S+,)?count/(jobs\.batch|pods)=")


class _Cause(msgspec.Struct):
    reason: str = ""
    field: str = ""


class _Details(msgspec.Struct, rename="camel"):
    name: str = ""
    kind: str = ""
    causes: list[_Cause] = []
    retry_after_seconds: float = 0


class _Status(msgspec.Struct):
    message: str = ""
    reason: str = ""
    details: _Details = msgspec.field(default_factory=_Details)


class ClusterError(Exception):
    """A failed API call.

    Attributes: `code` (HTTP status, 0 without a response), `reason` and `message` (from the Status object),
    `retry_after` (seconds, or None).
    """

    def __init__(self, message: str, *, code: int = 0, reason: str = "", retry_after: float | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.reason = reason
        self.retry_after = retry_after


class NotFoundError(ClusterError):
    """404 with a Status that names the requested object or its namespace: it does not exist."""


class NotOursError(NotFoundError):
    """An object of that name exists, but does not belong to the operator (any more)."""


class AlreadyExistsError(ClusterError):
    """409 AlreadyExists: an object of that name exists."""


class ConflictError(ClusterError):
    """409 Conflict: the object has another resourceVersion or another uid than the request named."""


class InvalidError(ClusterError):
    """400 or 422 from the API server's own validation, or the object is too large: a retry cannot succeed."""


class ForbiddenError(ClusterError):
    """Rejected by quota, Pod Security, RBAC, a webhook or a policy (403, also 400 and 422): may succeed later."""


class ObjectQuotaError(ForbiddenError):
    """403: a quota on the number of Jobs or pods is exceeded. Finished ones count until they are deleted."""


class NamespaceTerminatingError(ForbiddenError):
    """403 with cause NamespaceTerminating: nothing can be created in this namespace any more."""


class GoneError(ClusterError):
    """410: the resourceVersion or continue token is too old; list again."""


class UnavailableError(ClusterError):
    """429, 5xx, any other 404, a timeout or no connection: a retry may succeed, and the call may have taken effect."""


def from_response(code: int, retry_after: str | None, answer: bytes, path: Sequence[str]) -> ClusterError:
    """Return the error for a response of status `code`, 400 or more.

    `retry_after`: the header of that name. `answer`: the body. `path`: the parts of the request's path.
    """
    try:
        status = msgspec.json.decode(answer, type=_Status)
    except msgspec.DecodeError:
        # HTML or plain text: from a proxy in between, or from a panic in the API server.
        status = _Status(message=answer[:200].decode(errors="replace"))
    seconds = status.details.retry_after_seconds or (
        float(retry_after) if retry_after and retry_after.isdigit() else None
    )
    kind = _kind(code, status, path)
    return kind(status.message or f"HTTP {code}", code=code, reason=status.reason, retry_after=seconds)


def _kind(code: int, status: _Status, path: Sequence[str]) -> type[ClusterError]:
    causes = status.details.causes
    match code:
        case 404 if _says_what_is_missing(status, path):
            return NotFoundError
        case 409:
            return AlreadyExistsError if status.reason == "AlreadyExists" else ConflictError
        case 410:
            return GoneError
        case 400 | 413 | 415 | 422:
            return _refusal(code, status)
        case 403 if any(cause.reason == "NamespaceTerminating" for cause in causes):
            return NamespaceTerminatingError
        case 403 if _is_object_quota(status.message):
            return ObjectQuotaError
        case 403:
            return ForbiddenError
        case 500 if _is_too_large(status.message):
            return InvalidError
        case _ if code in (401, 404, 429) or code >= 500:
            return UnavailableError
        case _:
            return ClusterError


def _says_what_is_missing(status: _Status, path: Sequence[str]) -> bool:
    """Return whether a 404 is about the object or the namespace in the request's path.

    An API version that is not served, a route that a proxy lost and a webhook's denial can also be a 404. None of them
    means that the object is gone, and the operator deletes the pods of a SimulationJob that is gone.
    """
    details = status.details
    return status.reason == "NotFound" and details.name in path and details.kind in ("", *path)


def _refusal(code: int, status: _Status) -> type[ClusterError]:
    """Return InvalidError if the response looks like the API server's own validation, which names a field.

    A webhook can name a field too, so InvalidError alone does not prove that the object is invalid.
    """
    fields = [cause.field for cause in status.details.causes if cause.field]
    if code == 422 and "metadata.uid" in fields:
        # A uid in a patch is a precondition. It failed: the object of that name has another uid.
        return ConflictError
    final = fields if code == 422 else code != 400 or status.reason == "BadRequest"
    return InvalidError if final else ForbiddenError


def _is_object_quota(message: str) -> bool:
    """Return whether the message of a 403 says that a quota on `count/jobs.batch` or `count/pods` is exceeded."""
    return _OBJECT_QUOTA.search(message) is not None


def _is_too_large(message: str) -> bool:
    """Return whether the message of a 500 says that the object is too large for etcd."""
    return message.endswith("etcdserver: request is too large")
