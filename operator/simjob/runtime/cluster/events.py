"""Post Events in the background. No pass waits for them; one that cannot be posted is only logged."""

import asyncio
import logging
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final

from simjob.api.simulationjob import Metadata
from simjob.core.plan import Notice
from simjob.runtime.client.errors import ClusterError
from simjob.runtime.cluster.calls import Cluster, Event

# Seconds between two Events with the same warning about a SimulationJob. The status always shows the current state.
_REPEAT: Final = 60.0
_REMEMBERED: Final = 10_000
_WAITING: Final = 1_000

_log = logging.getLogger(__name__)


class Recorder:
    """Turn notices into Events and post them one by one while `run` runs."""

    def __init__(self, cluster: Cluster, clock: Callable[[], datetime]) -> None:
        self._cluster = cluster
        self._clock = clock
        self._waiting: deque[Event] = deque()
        self._filled = asyncio.Event()
        self._posted_at: OrderedDict[tuple[str, str, str], float] = OrderedDict()

    def note(self, metadata: Metadata, notices: Iterable[Notice]) -> None:
        """Queue one Event per notice about the SimulationJob. Skip a warning that was posted in the last minute."""
        for notice in notices:
            if notice.warning and self._is_repeated((metadata.uid, notice.reason, notice.action)):
                continue
            if len(self._waiting) >= _WAITING:
                _log.warning("dropped the oldest Event: too many are waiting", extra={"waiting": _WAITING})
                self._waiting.popleft()
            self._waiting.append(self._event(metadata, notice))
            self._filled.set()

    async def run(self) -> None:
        """Post queued Events until cancelled."""
        while True:
            await self._filled.wait()
            self._filled.clear()
            await self.flush()

    async def flush(self) -> None:
        """Post all queued Events; log those that fail."""
        while self._waiting:
            event = self._waiting.popleft()
            try:
                await self._cluster.create_event(event)
            except ClusterError as trouble:
                about = {"namespace": event.namespace, "simulationjob": event.name, "reason": event.reason}
                _log.warning("cannot post an Event", extra={**about, "why": trouble.message})

    def _is_repeated(self, what: tuple[str, str, str]) -> bool:
        now = asyncio.get_running_loop().time()
        before = self._posted_at.get(what)
        if before is not None and now - before < _REPEAT:
            return True
        self._posted_at[what] = now
        self._posted_at.move_to_end(what)
        if len(self._posted_at) > _REMEMBERED:
            self._posted_at.popitem(last=False)
        return False

    def _event(self, metadata: Metadata, notice: Notice) -> Event:
        return Event(
            namespace=metadata.namespace,
            name=metadata.name,
            uid=metadata.uid,
            resource_version=metadata.resource_version,
            type="Warning" if notice.warning else "Normal",
            reason=notice.reason,
            action=notice.action,
            note=notice.note,
            time=self._clock(),
        )
