"""The concurrency budget of the process: it limits the requests in flight by kind, and shares them between jobs.

Each request in flight occupies one place. The executor takes places for its actions; every other request takes one
itself (`Budget.request`). Watches take none, because they last for minutes. The Lease has its own connection.

How N places (`max_requests`) are shared, over all SimulationJobs:

| kind | at most | used for |
|---|---|---|
| REQUEST | N | status writes, reads, Events; deletions leave at least N/16 free for it |
| DELETION | N - N/16; starts lower and drops when the API server is slow | pods to stop, expired SimulationJobs |
| PROGRESS | N/4 | counting attempts, lowering deadlines of running pods, status writes of Jobs with a queue |
| CREATION | N/2; starts lower and drops when the API server is slow | Jobs and pods, including retries |
| HOUSEKEEPING | N/8 | status writes of other Jobs, deletions of Jobs: nobody waits for them |

runtime/client/adaptivelimit.py moves the limits of DELETION and CREATION. PROGRESS, CREATION and HOUSEKEEPING
together hold at most 7/8 of the places, so a cancel always finds some, however slow creations are. A free place goes
to the first kind in this table that is below its limit, and within the kind to the SimulationJob that holds the fewest
places.
A SimulationJob that holds no DELETION place gets one even above the moving limit, so that hanging deletions of one
job do not block the others. When several SimulationJobs are stopped at once, each has one deletion at a time until all
have had their first (`Budget.first_deletion`): the deletions of the first one would take the CPU that planning the
others needs.
"""

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, nullcontext
from contextvars import ContextVar
from enum import Enum, auto
from typing import Final

from simjob.runtime.client import adaptivelimit
from simjob.runtime.client.adaptivelimit import Limiter
from simjob.runtime.client.key import Key

_HOLDS_PLACE: Final = ContextVar("holds_place", default=False)
# Seconds. A call that hangs before the first deletion of one job must not delay the others for longer.
_LONGEST_WAIT: Final = 1.0


class Kind(Enum):
    """What a place is used for. Free places are assigned in this order."""

    REQUEST = auto()
    DELETION = auto()
    PROGRESS = auto()
    CREATION = auto()
    HOUSEKEEPING = auto()


class Budget:
    """Places for requests. `creations` and `deletions` move the limits of their kinds by measured latencies."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._most = {
            Kind.REQUEST: total,
            Kind.DELETION: max(1, total - max(1, total // 16)),
            Kind.PROGRESS: max(1, total // 4),
            Kind.CREATION: max(1, total // 2),
            Kind.HOUSEKEEPING: max(1, total // 8),
        }
        self.creations = Limiter(self._most[Kind.CREATION], adaptivelimit.CREATIONS)
        self.deletions = Limiter(self._most[Kind.DELETION], adaptivelimit.DELETIONS)
        self._limiters = {Kind.CREATION: self.creations, Kind.DELETION: self.deletions}
        self._lanes = {kind: _Lane() for kind in Kind}
        self._taken = 0
        # The SimulationJobs whose first deletion the others wait for.
        self._awaited: set[Key] = set()

    def most(self, kind: Kind) -> int:
        """Return the highest number of places that a kind can have."""
        return self._most[kind]

    @asynccontextmanager
    async def place(self, kind: Kind, key: Key | None = None) -> AsyncIterator[None]:
        """Wait for a place and hold it inside the block. Requests in the block use it, one at a time.

        `key` is the SimulationJob that the request is for; None if it is for no SimulationJob.
        """
        await self._take(kind, key)
        before = _HOLDS_PLACE.set(True)
        try:
            yield
        finally:
            _HOLDS_PLACE.reset(before)
            self._release(kind, key)

    @contextmanager
    def first_deletion(self, key: Key) -> Iterator[None]:
        """Let the other SimulationJobs have one deletion at a time until `key` has had one, or the block ends.

        They wait for one second at most.
        """
        self._awaited.add(key)
        limit = asyncio.get_running_loop().call_later(_LONGEST_WAIT, self._await_no_longer, key)
        try:
            yield
        finally:
            limit.cancel()
            self._await_no_longer(key)

    def request(self) -> AbstractAsyncContextManager[None]:
        """Return a place for one request: the place that the caller holds, otherwise a new one of kind REQUEST."""
        return nullcontext() if _HOLDS_PLACE.get() else self.place(Kind.REQUEST)

    async def _take(self, kind: Kind, key: Key | None) -> None:
        lane = self._lanes[kind]
        if kind is Kind.DELETION and not lane.taken and not lane.waiting:
            self.deletions.rested()
        if (not lane.waiting or not lane.held[key]) and self._has_room(kind, key):
            self._give(kind, key)
            return
        if kind in self._limiters:
            self._limiters[kind].wanted()
        place = lane.wait(key)
        try:
            await place
        except asyncio.CancelledError:
            if place.cancelled():
                lane.leave(key, place)
            else:
                # The place was assigned before the cancellation arrived.
                self._release(kind, key)
            raise

    def _has_room(self, kind: Kind, key: Key | None) -> bool:
        lane, most = self._lanes[kind], self._most[kind]
        is_first = kind is Kind.DELETION and not lane.held[key]
        if kind is Kind.DELETION and self._awaited and not is_first:
            return False
        if kind in self._limiters and not is_first:
            most = int(self._limiters[kind].limit)
        return self._taken < self._total and lane.taken < most

    def _give(self, kind: Kind, key: Key | None) -> None:
        lane = self._lanes[kind]
        lane.held[key] += 1
        lane.taken += 1
        self._taken += 1
        if kind is Kind.DELETION and key:
            self._await_no_longer(key)

    def _await_no_longer(self, key: Key) -> None:
        if key in self._awaited:
            self._awaited.remove(key)
            if not self._awaited:
                self._hand_out()

    def _release(self, kind: Kind, key: Key | None) -> None:
        lane = self._lanes[kind]
        lane.held[key] -= 1
        if not lane.held[key]:
            del lane.held[key]
        lane.taken -= 1
        self._taken -= 1
        self._hand_out()

    def _hand_out(self) -> None:
        for kind, lane in self._lanes.items():
            while lane.waiting and self._has_room(kind, lane.first()):
                key, place = lane.next()
                if not place.done():
                    place.set_result(None)
                    self._give(kind, key)


class _Lane:
    """The places of one kind: how many each SimulationJob holds, and the requests that wait, by SimulationJob."""

    def __init__(self) -> None:
        self.taken = 0
        self.held: Counter[Key | None] = Counter()
        self.waiting: OrderedDict[Key | None, deque[asyncio.Future[None]]] = OrderedDict()

    def wait(self, key: Key | None) -> "asyncio.Future[None]":
        """Return a future that completes when the place is assigned."""
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.waiting.setdefault(key, deque()).append(place)
        return place

    def first(self) -> Key | None:
        """Return the next SimulationJob: the one that holds the fewest places; among equals, the longest waiting."""
        return min(self.waiting, key=self.held.__getitem__)

    def next(self) -> "tuple[Key | None, asyncio.Future[None]]":
        """Remove the next request from the queue and return it."""
        key = self.first()
        places = self.waiting[key]
        place = places.popleft()
        if places:
            self.waiting.move_to_end(key)
        else:
            del self.waiting[key]
        return key, place

    def leave(self, key: Key | None, place: "asyncio.Future[None]") -> None:
        """Remove a cancelled request from the queue."""
        places = self.waiting.get(key)
        if places and place in places:
            places.remove(place)
            if not places:
                del self.waiting[key]
