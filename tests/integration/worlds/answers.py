"""What an admission webhook may do with a request: allow it, deny it in any way, change it, take long, or break."""

import base64
import json
from dataclasses import dataclass, field, replace

from integration.support.client import Object


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One way to treat every request."""

    response: Object = field(default_factory=lambda: {"allowed": True})
    # Anything but 200 is a webhook that is broken itself: the API server then says "failed calling webhook".
    http_status: int = 200
    after_seconds: float = 0.0
    hangs_up: bool = False


def allow() -> Answer:
    """Allow every request."""
    return Answer()


def deny(code: int, message: str, reason: str = "", **fields: str) -> Answer:
    """Deny every request with a Status; keywords are fields and what is wrong with them (`__` stands for a dot)."""
    status: Object = {"status": "Failure", "code": code, "message": message}
    if reason:
        status["reason"] = reason
    if fields:
        causes = [
            {"reason": "FieldValueInvalid", "field": name.replace("__", "."), "message": text}
            for name, text in fields.items()
        ]
        status["details"] = {"causes": causes}
    return Answer(response={"allowed": False, "status": status})


def change(*operations: Object) -> Answer:
    """Allow every request, with JSON patch operations applied to its object. For mutating webhooks."""
    patch = base64.b64encode(json.dumps(operations).encode()).decode()
    return Answer(response={"allowed": True, "patchType": "JSONPatch", "patch": patch})


def broken(http_status: int = 500) -> Answer:
    """Answer every request with an HTTP error instead of a review."""
    return Answer(http_status=http_status)


def slow(seconds: float, then: Answer | None = None) -> Answer:
    """Say nothing for a while, then answer (by default: allow)."""
    return replace(then or allow(), after_seconds=seconds)


def hang_up() -> Answer:
    """Close the connection without an answer."""
    return Answer(hangs_up=True)
