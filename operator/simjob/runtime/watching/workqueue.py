"""The keys that want a look, each once, and never two looks at the same key at a time.

As client-go's work queue (https://pkg.go.dev/k8s.io/client-go/util/workqueue), plus a lane that goes first. It
knows nothing of what a key means.
"""

import asyncio
import random
from collections import OrderedDict, deque
from collections.abc import Callable, Set
from typing import Final

from simjob.runtime.client.key import Key

# Seconds. Sums of times are rounded: at its time a wait may have some 1e-13 s left, which no timer can wait for.
_SHORTEST_WAIT: Final = 0.001


class WorkQueue:
    """An asyncio queue of keys: waiting, being worked on, due later. Belongs to one event loop."""

    def __init__(
        self, *, first_delay: float = 0.1, longest_delay: float = 10.0, jitter: Callable[[], float] = random.random
    ) -> None:
        self._first_delay = first_delay
        self._longest_delay = longest_delay
        self._jitter = jitter
        self._urgent: OrderedDict[Key, None] = OrderedDict()
        self._ordinary: OrderedDict[Key, None] = OrderedDict()
        self._processing: set[Key] = set()
        self._again: dict[Key, bool] = {}  # Added while being worked on; the value says whether urgently.
        self._later: dict[Key, tuple[float, asyncio.TimerHandle]] = {}
        self._when_due: Callable[[Key], None] = self.add
        # Workers without a key. One is woken for each key: there are many, and most have nothing to do.
        self._idle: deque[asyncio.Future[None]] = deque()
        self._idle_for_urgent: deque[asyncio.Future[None]] = deque()

    def __len__(self) -> int:
        """How many keys wait for a worker now."""
        return len(self._urgent) + len(self._ordinary)

    def add(self, key: Key) -> None:
        """Ask for a look at `key`; one that waits already is enough, one that runs is followed by another."""
        if key in self._processing:
            self._again.setdefault(key, False)
        elif key not in self._urgent:
            self._ordinary[key] = None
            self._wake(self._idle)

    def add_urgent(self, key: Key) -> None:
        """Add `key` as `add` does, ahead of all keys that were not added so."""
        if key in self._processing:
            self._again[key] = True
            return
        self._ordinary.pop(key, None)
        self._urgent[key] = None
        self._wake(self._idle_for_urgent, self._idle)

    def when_due(self, add: Callable[[Key], None]) -> None:
        """Have `add` called with each key whose time has come, since it may know that the key is urgent by then."""
        self._when_due = add

    def add_after(self, key: Key, seconds: float) -> None:
        """Add `key` in `seconds`; of several times the earliest holds."""
        loop = asyncio.get_running_loop()
        due = loop.time() + (max(seconds, _SHORTEST_WAIT) if seconds > 0 else 0.0)
        earlier = self._later.get(key)
        if earlier is not None:
            if earlier[0] <= due:
                return
            earlier[1].cancel()
        # The time is kept beside the handle: uvloop's handle of a time that has come does not tell it.
        self._later[key] = due, loop.call_at(due, self._add_due, key)

    def _add_due(self, key: Key) -> None:
        del self._later[key]
        self._when_due(key)

    def delay(self, failures: int) -> float:
        """Return how many seconds to wait after a failure that followed `failures` others: twice as long each time."""
        # The exponent is bounded, because a float is.
        return min(self._longest_delay, self._first_delay * 2.0 ** min(failures, 30)) * (1 - self._jitter() / 4)

    def keep(self, keys: Set[Key]) -> None:
        """Drop all waiting keys but these. For a queue from which nobody takes: what is handed out is not touched."""
        for waiting in (self._urgent, self._ordinary):
            for key in waiting.keys() - keys:
                del waiting[key]
        for key in self._later.keys() - keys:
            self._later.pop(key)[1].cancel()

    async def get(self, *, urgent_only: bool = False) -> Key:
        """Wait for a key and hand it out; the caller says `done` when it has finished with it."""
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
                # It was woken for a key already, which is now another worker's.
                self._wake_for_rest()
            raise

    def _wake_for_rest(self) -> None:
        # Whoever was woken for what is left may have found another key, or may work on urgent ones only.
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
        """End the work on `key`; if it was added meanwhile, it waits again."""
        self._processing.discard(key)
        again = self._again.pop(key, None)
        if again is not None:
            (self.add_urgent if again else self.add)(key)
