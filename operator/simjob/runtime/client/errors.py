"""The errors of API calls, distinguished by status code and reason, never by message.

Two exceptions are recognized by message: an exceeded quota, which has no reason or cause of its own, and an object
that is too large for etcd, which the API server reports as an internal error.
"""

import re
from typing import Final

# The message lists only the exceeded resources; see CheckRequest in
# kubernetes/kubernetes:staging/src/k8s.io/apiserver/pkg/admission/plugin/resourcequota/controller.go.
_OBJECT_QUOTA: Final = re.compile(r"exceeded quota: \S+, requested: (\S+,)?count/(jobs\.batch|pods)=")


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


def is_object_quota(message: str) -> bool:
    """Return whether the message of a 403 says that a quota on `count/jobs.batch` or `count/pods` is exceeded."""
    return _OBJECT_QUOTA.search(message) is not None


def is_too_large(message: str) -> bool:
    """Return whether the message of a 500 says that the object is too large for etcd."""
    return message.endswith("etcdserver: request is too large")
