"""Hints for a person about a refusal by the API server, if its own message does not say what to do."""

from typing import Final

# A part of the API server's message, and what to do.
_HINTS: Final = (
    (
        "must be less than or equal to cpu limit",
        "a LimitRange or the template sets a CPU limit below the request: set `resources.limits.cpu` of the first "
        "container, or ask the administrator of the namespace about its LimitRange",
    ),
    (
        "must be less than or equal to memory limit",
        "a LimitRange or the template sets a memory limit below the request: raise `resources.limits.memory` of that "
        "container, or ask the administrator of the namespace about its LimitRange",
    ),
    ("failed calling webhook", "the webhook does not work: ask the administrator of the cluster"),
    ("Request entity too large", "the case is too large: give it fewer or shorter parameters"),
    ("request is too large", "the case is too large: give it fewer or shorter parameters"),
)
# The messages of the API server and of etcd for an object that is too large.
_TOO_LARGE: Final = ("Request entity too large", "request is too large")


def about(message: str) -> str:
    """Return the hint for a refusal with this message; empty if there is none."""
    return next((hint for words, hint in _HINTS if words in message), "")


def about_status(message: str) -> str:
    """Return the hint for a status that is refused with this message; empty if there is none."""
    if not any(words in message for words in _TOO_LARGE):
        return ""
    return (
        "the SimulationJob leaves no room for its status: remove annotations that you do not need, or delete it and "
        "create one with its cases in a table, `cases.configMap`"
    )
