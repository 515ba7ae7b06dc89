"""An Event about a SimulationJob as JSON-ready values."""

import secrets
from typing import Any, Final

from simjob.api import names
from simjob.runtime.cluster.calls import Event

_NOTE_BYTES: Final = 1024  # https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/
_CUT: Final = "…"
_NAME_BYTES: Final = 236  # What an object's name may have, 253, less a dot and 16 digits.


def render(event: Event, instance: str) -> dict[str, Any]:
    """Return an Event as the API server takes it, signed by this instance, with texts that are too long cut."""
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
    """Return a text, cut if it is too long, with a mark at its end that shows the cut."""
    whole = text.encode()
    if len(whole) <= _NOTE_BYTES:
        return text
    return whole[: _NOTE_BYTES - len(_CUT.encode())].decode(errors="ignore") + _CUT
