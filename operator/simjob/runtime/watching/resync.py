"""Find changes that kopf's watch of SimulationJobs has missed: deletions during a gap, and lost events.

It sits between kopf and the sink, records the resourceVersions that pass, and compares them from time to time with a
list of metadata. It drops states that are older than what the sink has received.
"""

import asyncio
import logging
import random
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import Any, Final, NamedTuple

import msgspec

from simjob.runtime.client import errors, listing
from simjob.runtime.client.connection import Requests
from simjob.runtime.cluster import apiserver
from simjob.runtime.cluster.calls import Cluster
from simjob.runtime.watching.kopfhandlers import SimulationJobSink

_METADATA_ONLY: Final = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
# Seconds in which kopf must deliver the changes that the list already shows, or make progress with them.
_GRACE: Final = 5.0
_POLL: Final = 0.1
_RETRY: Final = 2.0
_APART: Final = 5.0
# Objects per page. The metadata of one can have 256 KiB, because `kubectl apply` keeps the manifest in an annotation.
_PAGE: Final = 50

_log = logging.getLogger(__name__)


class _Meta(msgspec.Struct, rename="camel"):
    namespace: str
    name: str
    uid: str
    resource_version: str


class _Item(msgspec.Struct):
    metadata: _Meta


_ITEMS: Final = msgspec.json.Decoder(_Item)


class _Known(NamedTuple):
    namespace: str
    name: str
    version: int


class Resync:
    """A SimulationJobSink in front of another one. `synced` is set when the other has received every object once."""

    def __init__(
        self,
        connection: Requests,
        cluster: Cluster,
        sink: SimulationJobSink,
        namespaces: Collection[str],
        interval: float,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.synced = asyncio.Event()
        self._connection = connection
        self._cluster = cluster
        self._sink = sink
        self._paths = [apiserver.simulationjobs(namespace) for namespace in namespaces or (None,)]
        self._interval = interval
        self._monotonic = monotonic
        self._jitter = jitter
        self._known: dict[str, _Known] = {}
        self._unseen_since: float | None = None
        self._hurry = asyncio.Event()

    def seen(self, raw: dict[str, Any]) -> None:
        """Pass on a state that kopf saw, unless it is old."""
        self._unseen_since = None
        self._pass(raw)

    def deleted(self, raw: dict[str, Any]) -> None:
        """Pass on a deletion that kopf saw."""
        self._unseen_since = None
        self._known.pop(raw["metadata"]["uid"], None)
        self._sink.deleted(raw)

    def troubled(self) -> None:
        """Record that kopf's watch has failed: compare soon, and do not report the watch as hanging."""
        self._hurry.set()
        if self._unseen_since is not None:
            self._unseen_since = self._monotonic()

    def unseen_age(self) -> float:
        """Return the seconds since kopf missed a change, if it has delivered nothing since; otherwise 0."""
        return 0.0 if self._unseen_since is None else self._monotonic() - self._unseen_since

    async def run(self) -> None:
        """Compare and correct, again and again, until cancelled."""
        while True:
            try:
                await self._compare()
            except (errors.ClusterError, msgspec.DecodeError) as trouble:
                _log.warning("cannot list SimulationJobs; trying again", extra={"why": str(trouble)})
                await asyncio.sleep(_RETRY)
                continue
            self.synced.set()
            await self._pause()

    async def _pause(self) -> None:
        # While kopf's watch fails, only the list finds changes. Afterwards it finds those that were missed.
        with suppress(TimeoutError):
            await asyncio.wait_for(self._hurry.wait(), self._interval * (1 + self._jitter() / 10))
            await asyncio.sleep(_APART)
        self._hurry.clear()

    async def _compare(self) -> None:
        before = set(self._known)
        listed = await self._list()
        noticed = self._monotonic()
        # Objects that were known before the list began and are not in it are gone. Later ones may be newer than it.
        for uid in before - {meta.uid for meta in listed}:
            if known := self._known.pop(uid, None):
                _log.info("deletion found by a list", extra={"namespace": known.namespace, "simulationjob": known.name})
                self._sink.deleted({"metadata": {"namespace": known.namespace, "name": known.name, "uid": uid}})
        behind = [meta for meta in listed if self._is_behind(meta)]
        progress = noticed
        while behind and self._monotonic() - progress < _GRACE:
            await asyncio.sleep(_POLL)
            left = [meta for meta in behind if self._is_behind(meta)]
            # kopf needs longer for a list of large objects. Reading each of them here as well would slow it further.
            progress = self._monotonic() if len(left) < len(behind) else progress
            behind = left
        for meta in behind:
            await self._heal(meta, noticed)

    async def _heal(self, meta: _Meta, noticed: float) -> None:
        try:
            raw = await self._cluster.get_simulationjob(meta.namespace, meta.name)
        except errors.NotFoundError:
            return
        if self._is_behind(meta) and raw["metadata"]["uid"] == meta.uid:
            _log.warning("kopf missed a change", extra={"namespace": meta.namespace, "simulationjob": meta.name})
            self._unseen_since = noticed if self._unseen_since is None else self._unseen_since
            self._pass(raw)

    def _pass(self, raw: dict[str, Any]) -> None:
        meta = raw["metadata"]
        now = _Known(meta["namespace"], meta["name"], int(meta["resourceVersion"]))
        before = self._known.get(meta["uid"])
        if before is None or before.version < now.version:
            self._known[meta["uid"]] = now
            self._sink.seen(raw)

    def _is_behind(self, meta: _Meta) -> bool:
        known = self._known.get(meta.uid)
        return known is None or known.version < int(meta.resource_version)

    async def _list(self) -> list[_Meta]:
        found: list[_Meta] = []
        for path in self._paths:
            async for page in listing.pages(self._connection, path, accept=_METADATA_ONLY, limit=_PAGE):
                found.extend(_ITEMS.decode(raw).metadata for raw in page.items or ())
        return found
