"""Posts what happened as Events, after the status that says so has been written. A lost Event is logged, no more."""

import logging
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final

from simjob.api.simulationjob import Metadata
from simjob.core.plan import Notice
from simjob.runtime.cluster import Cluster, Event
from simjob.runtime.errors import ClusterError

# https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/
_LONGEST_NOTE: Final = 1024

_log = logging.getLogger(__name__)


class Recorder:
    """Makes Events of notices."""

    def __init__(self, cluster: Cluster, clock: Callable[[], datetime]) -> None:
        self._cluster = cluster
        self._clock = clock

    async def record(self, metadata: Metadata, notices: Iterable[Notice]) -> None:
        """Posts one Event for each notice about the SimulationJob."""
        for notice in notices:
            try:
                await self._cluster.create_event(self._event(metadata, notice))
            except ClusterError as trouble:
                about = {"namespace": metadata.namespace, "simulationjob": metadata.name, "reason": notice.reason}
                _log.warning("an Event could not be posted", extra={**about, "why": trouble.message})

    def _event(self, metadata: Metadata, notice: Notice) -> Event:
        note = notice.note if len(notice.note) <= _LONGEST_NOTE else notice.note[: _LONGEST_NOTE - 1] + "…"
        return Event(
            namespace=metadata.namespace,
            name=metadata.name,
            uid=metadata.uid,
            resource_version=metadata.resource_version,
            type="Warning" if notice.warning else "Normal",
            reason=notice.reason,
            action=notice.action,
            note=note,
            time=self._clock(),
        )
