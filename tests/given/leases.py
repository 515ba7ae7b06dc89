"""A Lease on an API server, and electors that ask for it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from simjob.runtime.client import errors
from simjob.runtime.process.leaderelection import Elector
from simjob.runtime.process.settings import Settings
from worlds.wire import Answer, Wire

START = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)


class LeaseServer:
    """The API server's part: one Lease, optimistic concurrency, and trouble on demand."""

    def __init__(self) -> None:
        self.lease: dict[str, Any] | None = None
        self.down = False
        self.trouble: Exception | bytes | None = None
        self.answers_are_lost = False
        self.writes = 0
        self._version = 0

    def wire(self) -> Wire:
        return Wire(self._answer)

    def hold(self, holder: str) -> None:
        """Plays another replica that renews."""
        transitions = self.lease["spec"].get("leaseTransitions", 0) + 1 if self.lease else 0
        self._store({"holderIdentity": holder, "leaseDurationSeconds": 15, "leaseTransitions": transitions})

    @property
    def spec(self) -> dict[str, Any]:
        assert self.lease is not None
        spec: dict[str, Any] = self.lease["spec"]
        return spec

    def _answer(self, method: str, path: str, body: bytes | None) -> Answer:
        if self.down:
            return errors.UnavailableError("no answer")
        if self.trouble:
            return self.trouble
        if method == "GET":
            return self.lease or errors.NotFoundError("no Lease", code=404)
        wish = msgspec.json.decode(body or b"")
        if method == "POST" and self.lease is not None:
            return errors.AlreadyExistsError("there", code=409)
        if method == "PUT" and wish["metadata"]["resourceVersion"] != str(self._version):
            return errors.ConflictError("modified", code=409)
        self.writes += 1
        answer = self._store(wish["spec"])
        return errors.UnavailableError("lost") if self.answers_are_lost else answer

    def _store(self, spec: dict[str, Any]) -> dict[str, Any]:
        self._version += 1
        meta = {"name": "simjob-operator", "namespace": "simjob-system", "resourceVersion": str(self._version)}
        self.lease = {"metadata": meta, "spec": spec}
        return self.lease


class Replica:
    """An elector, and whether it would have ended its process."""

    def __init__(self, server: LeaseServer, identity: str, *, leader_election: bool = True) -> None:
        self.ends: list[int] = []
        settings = Settings(identity=identity, leader_election=leader_election)
        self.elector = Elector(
            server.wire(),
            settings,
            lambda: START + timedelta(seconds=asyncio.get_running_loop().time()),
            monotonic=asyncio.get_running_loop().time,
            jitter=lambda: 0.0,
            end=self.ends.append,
        )
        self.task: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Elector]:
        self.task = asyncio.create_task(self.elector.run())
        try:
            yield self.elector
        finally:
            self.task.cancel()
            await asyncio.gather(self.task, return_exceptions=True)
            # Ends the watchdog thread.
            await self.elector.release()
