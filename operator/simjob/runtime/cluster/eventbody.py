"""Render an Event about a SimulationJob as values for JSON."""

import secrets
from typing import Any, Final

from simjob.api import names
from simjob.runtime.cluster.calls import Event

_NOTE_BYTES: Final = 1024  # https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/
_CUT: Final = "…"
_NAME_BYTES: Final = 236  # The limit of an object name, 253, minus a dot and 16 digits.


def render(event: Event, instance: str) -> dict[str, Any]:
    """Return the body of an events.k8s.io/v1 Event. Cut texts that exceed the API server's limits.

    `instance` becomes the `reportingInstance`.
    """
    return {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"namespace": event.namespace, "name": _event_name(event)},
        "eventTime": event.time.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "reportingController": names.MANAGED_BY,
        "reportingInstance": instance[:128],
        "type": event.type,
        "reason": event.reason,
        "action": event.action,
        "note": _note(event.note),
        "regarding": {
            "apiVersion": names.API_VERSION,
            "kind": names.KIND,
            "namespace": event.namespace,
            "name": event.name,
            "uid": event.uid,
            "resourceVersion": event.resource_version,
        },
    }


def _event_name(event: Event) -> str:
    return f"{event.name[:_NAME_BYTES].rstrip('-.')}.{secrets.token_hex(8)}"


def _note(text: str) -> str:
    """Return the text, cut to 1,024 bytes with an ellipsis at the end if it is longer."""
    whole = text.encode()
    if len(whole) <= _NOTE_BYTES:
        return text
    return whole[: _NOTE_BYTES - len(_CUT.encode())].decode(errors="ignore") + _CUT
