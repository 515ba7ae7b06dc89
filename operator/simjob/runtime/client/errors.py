"""The kinds of trouble that an API call can meet, distinguished by status code and reason, never by message.

Two exceptions: the API server gives a used-up quota no reason or cause of its own, and calls what is too large for etcd
an error of the server.
"""

import re
from typing import Final

# The message lists only the resources that are exceeded, see CheckRequest in
# kubernetes/kubernetes:staging/src/k8s.io/apiserver/pkg/admission/plugin/resourcequota/controller.go.
_OBJECT_QUOTA: Final = re.compile(r"exceeded quota: \S+, requested: (\S+,)?count/(jobs\.batch|pods)=")


class ClusterError(Exception):
    """An API call that did not do what was asked.

    Attributes: `code` (HTTP status, 0 if there was no answer), `reason` (the Status object's word),
    `message` (the Status object's sentence), `retry_after` (seconds, or None).
    """

    def __init__(self, message: str, *, code: int = 0, reason: str = "", retry_after: float | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.reason = reason
        self.retry_after = retry_after


class NotFoundError(ClusterError):
    """404 with a Status that names what was asked for: the object, or its namespace, is not there."""


class NotOursError(NotFoundError):
    """An object of that name is there, and is not one of the operator's, or is so no more."""


class AlreadyExistsError(ClusterError):
    """409 AlreadyExists: an object of that name is there."""


class ConflictError(ClusterError):
    """409 Conflict: the object is not at the resourceVersion, or has not the uid, that was named."""


class InvalidError(ClusterError):
    """400 or 422 of the API server's own validation, or too large: it will never accept this object."""


class ForbiddenError(ClusterError):
    """Refused by quota, Pod Security, RBAC, a webhook or a policy (403, also 400 and 422); may be taken tomorrow."""


class ObjectQuotaError(ForbiddenError):
    """403: a quota of the number of Jobs or pods is used up; ended ones count in it until they are deleted."""


class NamespaceTerminatingError(ForbiddenError):
    """403 with cause NamespaceTerminating: nothing can be created there any more."""


class GoneError(ClusterError):
    """410: the resourceVersion or continue token is too old; list again."""


class UnavailableError(ClusterError):
    """429, 5xx, any other 404, a time-out or no connection: the same call may work in a moment, or may have worked."""


def is_object_quota(message: str) -> bool:
    """Return whether a 403 says that a quota on `count/jobs.batch` or `count/pods` is used up."""
    return _OBJECT_QUOTA.search(message) is not None


def is_too_large(message: str) -> bool:
    """Return whether a 500 says that etcd does not store an object of this size."""
    return message.endswith("etcdserver: request is too large")
