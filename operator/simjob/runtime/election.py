"""Which of several replicas works: a coordination.k8s.io/v1 Lease, held by renewing it.

Leadership ends by this process's own monotonic clock, counted from when the last successful renewal was sent; past
it a thread ends the process, even if the event loop hangs. What a leader does is safe to do twice all the same.
The connection must be the elector's own: behind other requests a renewal would come too late.
"""

import asyncio
import logging
import os
import random
import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

import msgspec

from simjob.runtime import errors
from simjob.runtime.connection import Requests
from simjob.runtime.settings import Settings

_log = logging.getLogger(__name__)


class LeadershipLostError(Exception):
    """Another replica holds the Lease; this one must end without another write."""


class _Spec(msgspec.Struct, rename="camel", omit_defaults=True):
    holder_identity: str = ""
    lease_duration_seconds: int | None = None
    acquire_time: str | None = None
    renew_time: str | None = None
    lease_transitions: int = 0


class _Meta(msgspec.Struct, rename="camel"):
    name: str
    namespace: str
    resource_version: str = ""


class _Lease(msgspec.Struct, rename="camel"):
    metadata: _Meta
    spec: _Spec = msgspec.field(default_factory=_Spec)
    api_version: str = "coordination.k8s.io/v1"
    kind: str = "Lease"


_LEASES: Final = msgspec.json.Decoder(_Lease)


class Elector:
    """Takes part in the election from `run` on, until `release`."""

    def __init__(
        self,
        connection: Requests,
        settings: Settings,
        clock: Callable[[], datetime],
        *,
        monotonic: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
        end: Callable[[int], Any] = os._exit,
    ) -> None:
        self._connection = connection
        self._settings = settings
        self._clock = clock
        self._monotonic = monotonic
        self._jitter = jitter
        self._end = end
        self._collection = f"/apis/coordination.k8s.io/v1/namespaces/{settings.lease_namespace}/leases"
        self._held: _Lease | None = None
        self._valid_until = float("-inf")
        self._observed: tuple[_Spec, float] | None = None
        self._acquired = asyncio.Event()
        self._turn = asyncio.Lock()
        self._released = threading.Event()

    @property
    def is_leader(self) -> bool:
        """Whether this replica may write now."""
        return not self._settings.leader_election or self._monotonic() < self._valid_until

    async def acquired(self) -> None:
        """Waits until this replica leads."""
        if self._settings.leader_election:
            await self._acquired.wait()

    async def run(self) -> None:
        """Acquires and renews until `release`; raises LeadershipLostError when another replica leads instead."""
        while self._settings.leader_election and not self._released.is_set():
            # Followers that ask at different times do not collide when the Lease falls free.
            next_at = self._monotonic() + self._settings.lease_retry_seconds * (1 - self._jitter() / 5)
            async with self._turn:
                if not self._released.is_set():
                    await self._round()
            # After a request that took its time the next one follows soon, or there would be too few before the end.
            await asyncio.sleep(max(self._settings.lease_retry_seconds / 10, next_at - self._monotonic()))

    async def release(self) -> None:
        """Gives the Lease to whoever asks next. To be called after the last write has been answered."""
        self._released.set()
        async with self._turn:
            held, self._held, self._valid_until = self._held, None, float("-inf")
            if held is None:
                return
            try:
                await self._give_up(held)
            except errors.ClusterError as trouble:
                _log.warning("the Lease was not released", extra={"why": str(trouble)})
            else:
                _log.info("released the Lease")

    async def _round(self) -> None:
        try:
            await (self._compete() if self._held is None else self._renew(self._held))
        except errors.ClusterError as trouble:
            _log.warning("no news of the Lease", extra={"why": str(trouble), "leader": self._held is not None})

    async def _renew(self, held: _Lease) -> None:
        spec = msgspec.structs.replace(held.spec, renew_time=self._now())
        try:
            await self._hold(held, spec)
        except (errors.ConflictError, errors.NotFoundError):
            # Someone else wrote to it, or deleted it; or our own write came through although its answer was lost.
            there = await self._get()
            if there is None or there.spec.holder_identity != self._settings.identity:
                self._valid_until = float("-inf")
                raise LeadershipLostError("another replica holds the Lease") from None
            self._held = there
            await self._hold(there, msgspec.structs.replace(there.spec, renew_time=self._now()))

    async def _compete(self) -> None:
        there = await self._get()
        if there is None:
            meta = _Meta(name=self._settings.lease_name, namespace=self._settings.lease_namespace)
            await self._hold(_Lease(metadata=meta), self._claim(transitions=0))
        elif self._is_free(there.spec):
            await self._hold(there, self._claim(there.spec.lease_transitions + 1))

    def _is_free(self, spec: _Spec) -> bool:
        """Whether the holder gave it up, or has not changed it for its duration as this process observed it."""
        # Its times are never read: they are another machine's clock.
        if not spec.holder_identity:
            return True
        now = self._monotonic()
        if self._observed is None or self._observed[0] != spec:
            self._observed = spec, now
        return now - self._observed[1] >= (spec.lease_duration_seconds or self._settings.lease_duration_seconds)

    def _claim(self, transitions: int) -> _Spec:
        now = self._now()
        return _Spec(
            holder_identity=self._settings.identity,
            lease_duration_seconds=round(self._settings.lease_duration_seconds),
            acquire_time=now,
            renew_time=now,
            lease_transitions=transitions,
        )

    async def _hold(self, lease: _Lease, spec: _Spec) -> None:
        lease = msgspec.structs.replace(lease, spec=spec)
        sent = self._monotonic()
        self._held = await self._put(lease)
        self._valid_until = sent + self._settings.lease_renew_deadline_seconds
        if not self._acquired.is_set():
            _log.info("leading", extra={"identity": self._settings.identity, "lease": self._settings.lease_name})
            threading.Thread(target=self._guard, name="end of leadership", daemon=True).start()
            self._acquired.set()

    async def _give_up(self, held: _Lease) -> None:
        try:
            await self._put(_without_holder(held))
        except errors.ConflictError:
            # A renewal was cut off by the end of this process, and came through all the same.
            there = await self._get()
            if there is not None and there.spec.holder_identity == self._settings.identity:
                await self._put(_without_holder(there))

    def _guard(self) -> None:
        while self._monotonic() < self._valid_until:
            if self._released.wait(0.25):
                return
        if not self._released.is_set():
            # Logging may need what a hung loop holds; a line on standard error needs nothing.
            os.write(2, b"the Lease could not be renewed in time: ending\n")
            self._end(1)

    async def _get(self) -> _Lease | None:
        try:
            answer = await self._request("GET", self._settings.lease_name, None)
        except errors.NotFoundError:
            return None
        return _LEASES.decode(answer)

    async def _put(self, lease: _Lease) -> _Lease:
        # With the resourceVersion that was read: of two that write at once one is refused. Without one, a creation.
        new = not lease.metadata.resource_version
        return _LEASES.decode(await self._request("POST" if new else "PUT", "" if new else lease.metadata.name, lease))

    async def _request(self, method: str, name: str, lease: _Lease | None) -> bytes:
        return await self._connection.request(
            method,
            f"{self._collection}/{name}".rstrip("/"),
            body=None if lease is None else msgspec.json.encode(lease),
            # Long enough for a busy API server, and there is time for another try.
            within=self._settings.lease_renew_deadline_seconds / 2,
            repeat=False,
        )

    def _now(self) -> str:
        return self._clock().strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _without_holder(lease: _Lease) -> _Lease:
    spec = msgspec.structs.replace(lease.spec, holder_identity="", lease_duration_seconds=1)
    return msgspec.structs.replace(lease, spec=spec)
