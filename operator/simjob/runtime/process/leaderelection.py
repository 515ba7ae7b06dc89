"""Leader election: only the replica that holds and renews a coordination.k8s.io/v1 Lease works.

The algorithm and the meaning of the three times are those of client-go:
https://github.com/kubernetes/client-go/blob/master/tools/leaderelection/leaderelection.go
A follower never compares the times in the Lease with its own clock. It measures how long the Lease has not changed.

A term ends by this process's monotonic clock, `lease_renew_deadline_seconds` after the last successful renewal was
sent. Unlike in client-go, the process then continues: it stops its work and competes again
(runtime/process/workwhileleading.py). A thread ends the process only if the work does not stop in time, for example
because the event loop hangs. A leader's writes are safe even if two replicas make them. The elector needs its own
connection, because other requests would delay a renewal.
"""

import asyncio
import logging
import os
import random
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Any, Final

import msgspec

from simjob.runtime.client import errors
from simjob.runtime.client.connection import Requests
from simjob.runtime.process.settings import Settings

# The work must stop in this fraction of the time between the end of the term and the expiry of the Lease.
_STOPPING: Final = 0.5
_GUARD_INTERVAL: Final = 0.25

_log = logging.getLogger(__name__)


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
    """One replica in the election, from `run` to `release`.

    A term begins when `acquired` returns and ends when `lost` returns. The next can begin after `step_down`.
    `clock` gives the times that are written to the Lease; `end` ends the process.
    """

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
        self._deposed = asyncio.Event()
        self._term = 0
        self._trouble = ""
        self._turn = asyncio.Lock()
        self._released = threading.Event()

    @property
    def is_leader(self) -> bool:
        """Return whether this replica is the leader, and so may write now."""
        return not self._settings.leader_election or self._monotonic() < self._valid_until

    async def acquired(self) -> None:
        """Wait until this replica is the leader."""
        if self._settings.leader_election:
            await self._acquired.wait()

    async def lost(self) -> None:
        """Wait until this replica is no longer the leader. Its work must then stop at once and send no more writes."""
        if not self._settings.leader_election:
            await asyncio.Event().wait()
        while (left := self._valid_until - self._monotonic()) > 0:
            with suppress(TimeoutError):
                # At least one millisecond: the clock may not resolve a shorter remainder, and the loop would spin.
                await asyncio.wait_for(self._deposed.wait(), max(left, 0.001))

    def step_down(self) -> None:
        """End the term. Call it when the work of the term has stopped; this replica then competes again."""
        self._held, self._valid_until = None, float("-inf")
        self._term += 1
        self._acquired.clear()
        _log.warning("stopped leading", extra={"identity": self._settings.identity})

    async def run(self) -> None:
        """Acquire and renew the Lease until `release`. No error of the API server ends this loop."""
        while self._settings.leader_election and not self._released.is_set():
            # The jitter keeps followers from writing at the same time when the Lease becomes free.
            next_at = self._monotonic() + self._settings.lease_retry_seconds * (1 - self._jitter() / 5)
            async with self._turn:
                if not self._released.is_set() and not self._is_stopping:
                    await self._round()
            # After a slow request the next one follows soon, to leave time for enough tries before the deadline.
            await asyncio.sleep(max(self._settings.lease_retry_seconds / 10, next_at - self._monotonic()))

    @property
    def _is_stopping(self) -> bool:
        """Return whether a term is over but its work has not stopped. A renewal now would start the term again."""
        return self._acquired.is_set() and not self.is_leader

    async def release(self) -> None:
        """Release the Lease, so that another replica can take it at once. Call it after the last write has returned."""
        self._released.set()
        async with self._turn:
            held, self._held, self._valid_until = self._held, None, float("-inf")
            if held is None:
                return
            try:
                await self._give_up(held)
            except errors.ClusterError as trouble:
                _log.warning("cannot release the Lease", extra={"why": str(trouble)})
            else:
                _log.info("released the Lease")

    async def _round(self) -> None:
        try:
            await (self._compete() if self._held is None else self._renew(self._held))
        except (errors.ClusterError, msgspec.DecodeError) as trouble:
            # Log the same error once, not every two seconds of an outage.
            if self._trouble != str(trouble):
                _log.warning(
                    "cannot read or renew the Lease", extra={"why": str(trouble), "leader": self._held is not None}
                )
            self._trouble = str(trouble)
        else:
            self._trouble = ""

    async def _renew(self, held: _Lease) -> None:
        spec = msgspec.structs.replace(held.spec, renew_time=self._now())
        try:
            await self._hold(held, spec)
        except (errors.ConflictError, errors.NotFoundError):
            # Another client wrote or deleted the Lease, or our last write succeeded although its response was lost.
            there = await self._get()
            if there is None or there.spec.holder_identity != self._settings.identity:
                self._depose(held)
                return
            self._held = there
            await self._hold(there, msgspec.structs.replace(there.spec, renew_time=self._now()))

    def _depose(self, held: _Lease) -> None:
        if self._held is held:
            _log.error("another replica holds the Lease")
            self._valid_until = min(self._valid_until, self._monotonic())
            self._deposed.set()

    async def _compete(self) -> None:
        there = await self._get()
        if there is None:
            meta = _Meta(name=self._settings.lease_name, namespace=self._settings.lease_namespace)
            await self._hold(_Lease(metadata=meta), self._claim(transitions=0))
        elif self._is_free(there.spec):
            await self._hold(there, self._claim(there.spec.lease_transitions + 1))

    def _is_free(self, spec: _Spec) -> bool:
        """Return whether the Lease was released, or has not changed for its duration as measured by this process."""
        # The times in the Lease are never compared: they come from another machine's clock.
        if not spec.holder_identity:
            return True
        if self._term and spec.holder_identity == self._settings.identity:
            # An earlier term of this process, which has stopped. No other replica has this identity.
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
            guard = threading.Thread(target=self._guard, args=(self._term,), name="end of leadership", daemon=True)
            guard.start()
            self._deposed.clear()
            self._acquired.set()

    async def _give_up(self, held: _Lease) -> None:
        try:
            await self._put(_without_holder(held))
        except errors.ConflictError:
            # A renewal that was cancelled as the process stopped had already reached the API server.
            there = await self._get()
            if there is not None and there.spec.holder_identity == self._settings.identity:
                await self._put(_without_holder(there))

    def _guard(self, term: int) -> None:
        """End the process if this term's work does not stop well before another replica can take the Lease.

        Runs in a thread, because the event loop may hang.
        """
        settings = self._settings
        grace = (settings.lease_duration_seconds - settings.lease_renew_deadline_seconds) * _STOPPING
        while self._term == term and not self._released.is_set():
            if self._monotonic() > self._valid_until + grace and self._term == term:
                # Logging could block on a lock that the hung loop holds; writing to standard error cannot.
                os.write(2, b"cannot renew the Lease, and the work did not stop in time: the process exits\n")
                self._end(1)
                return
            self._released.wait(_GUARD_INTERVAL)

    async def _get(self) -> _Lease | None:
        try:
            answer = await self._request("GET", self._settings.lease_name, None)
        except errors.NotFoundError:
            return None
        return _LEASES.decode(answer)

    async def _put(self, lease: _Lease) -> _Lease:
        # The resourceVersion is a precondition: if two replicas write at once, one is rejected. Without one, create it.
        new = not lease.metadata.resource_version
        return _LEASES.decode(await self._request("POST" if new else "PUT", "" if new else lease.metadata.name, lease))

    async def _request(self, method: str, name: str, lease: _Lease | None) -> bytes:
        return await self._connection.request(
            method,
            f"{self._collection}/{name}".rstrip("/"),
            body=None if lease is None else msgspec.json.encode(lease),
            # Long enough for a busy API server, and short enough for a second try before the deadline.
            within=self._settings.lease_renew_deadline_seconds / 2,
            repeat=False,
        )

    def _now(self) -> str:
        return self._clock().strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _without_holder(lease: _Lease) -> _Lease:
    spec = msgspec.structs.replace(lease.spec, holder_identity="", lease_duration_seconds=1)
    return msgspec.structs.replace(lease, spec=spec)
