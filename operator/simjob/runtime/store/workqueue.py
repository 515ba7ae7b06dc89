"""A queue of keys to reconcile: each key waits at most once, and at most one worker processes it at a time.

The algorithm is that of client-go's work queue (https://pkg.go.dev/k8s.io/client-go/util/workqueue): a key that is
added while it is processed is queued again when it is done. In addition, urgent keys go first.
"""

import asyncio
import random
from collections import OrderedDict, deque
from collections.abc import Callable, Set
from typing import Final

from simjob.runtime.client.key import Key

# Seconds. Sums of times are rounded, so a wait may still have 1e-13 s left when it is due: too short for a timer.
_SHORTEST_WAIT: Final = 0.001


class WorkQueue:
    """An asyncio queue of keys that wait, are processed, or are due later. Use it in one event loop only."""

    def __init__(
        self, *, first_delay: float = 0.1, longest_delay: float = 10.0, jitter: Callable[[], float] = random.random
    ) -> None:
        self._first_delay = first_delay
        self._longest_delay = longest_delay
        self._jitter = jitter
        self._urgent: OrderedDict[Key, None] = OrderedDict()
        self._ordinary: OrderedDict[Key, None] = OrderedDict()
        self._processing: set[Key] = set()
        self._again: dict[Key, bool] = {}  # Added while being processed; the value says whether it is urgent.
        self._later: dict[Key, tuple[float, asyncio.TimerHandle]] = {}
        self._when_due: Callable[[Key], None] = self.add
        # Workers without a key. Each added key wakes only one, because there are many and most have nothing to do.
        self._idle: deque[asyncio.Future[None]] = deque()
        self._idle_for_urgent: deque[asyncio.Future[None]] = deque()

    def __len__(self) -> int:
        """Return how many keys wait for a worker now."""
        return len(self._urgent) + len(self._ordinary)

    def add(self, key: Key) -> None:
        """Queue `key`. Do nothing if it waits already; if it is being processed, queue it again afterwards."""
        if key in self._processing:
            self._again.setdefault(key, False)
        elif key not in self._urgent:
            self._ordinary[key] = None
            self._wake(self._idle)

    def add_urgent(self, key: Key) -> None:
        """Queue `key` like `add`, but ahead of all keys that are not urgent."""
        if key in self._processing:
            self._again[key] = True
            return
        self._ordinary.pop(key, None)
        self._urgent[key] = None
        self._wake(self._idle_for_urgent, self._idle)

    def when_due(self, add: Callable[[Key], None]) -> None:
        """Call `add` for each key that becomes due, instead of `self.add`: it may know that the key is urgent now."""
        self._when_due = add

    def add_after(self, key: Key, seconds: float) -> None:
        """Queue `key` after `seconds`. If it is due at several times, only the earliest counts."""
        loop = asyncio.get_running_loop()
        due = loop.time() + (max(seconds, _SHORTEST_WAIT) if seconds > 0 else 0.0)
        earlier = self._later.get(key)
        if earlier is not None:
            if earlier[0] <= due:
                return
            earlier[1].cancel()
        # Keep the time beside the handle, because uvloop's handle has no time once it is due.
        self._later[key] = due, loop.call_at(due, self._add_due, key)

    def _add_due(self, key: Key) -> None:
        del self._later[key]
        self._when_due(key)

    def delay(self, failures: int) -> float:
        """Return the seconds to wait after a failure that follows `failures` others: exponential, with jitter."""
        # Bound the exponent, because a large one overflows a float.
        return min(self._longest_delay, self._first_delay * 2.0 ** min(failures, 30)) * (1 - self._jitter() / 4)

    def keep(self, keys: Set[Key]) -> None:
        """Drop all waiting keys except these. Keys that are being processed are not touched."""
        for waiting in (self._urgent, self._ordinary):
            for key in waiting.keys() - keys:
                del waiting[key]
        for key in self._later.keys() - keys:
            self._later.pop(key)[1].cancel()

    async def get(self, *, urgent_only: bool = False) -> Key:
        """Wait for a key and return it. The caller must call `done` when it has processed the key."""
        while not (self._urgent or (self._ordinary and not urgent_only)):
            await self._idle_until_woken(self._idle_for_urgent if urgent_only else self._idle)
        key, _ = (self._urgent or self._ordinary).popitem(last=False)
        self._processing.add(key)
        self._wake_for_rest()
        return key

    async def _idle_until_woken(self, row: "deque[asyncio.Future[None]]") -> None:
        place = asyncio.get_running_loop().create_future()
        row.append(place)
        try:
            await place
        except asyncio.CancelledError:
            if place.cancelled():
                row.remove(place)
            else:
                # It was already woken for a key. Wake another worker for it.
                self._wake_for_rest()
            raise

    def _wake_for_rest(self) -> None:
        # The worker that was woken for a remaining key may have taken another one, or may take urgent keys only.
        if self._urgent:
            self._wake(self._idle_for_urgent, self._idle)
        elif self._ordinary:
            self._wake(self._idle)

    def _wake(self, *rows: "deque[asyncio.Future[None]]") -> None:
        for row in rows:
            while row:
                place = row.popleft()
                if not place.done():
                    place.set_result(None)
                    return

    def done(self, key: Key) -> None:
        """Finish processing `key`. If it was added meanwhile, queue it again."""
        self._processing.discard(key)
        again = self._again.pop(key, None)
        if again is not None:
            (self.add_urgent if again else self.add)(key)
