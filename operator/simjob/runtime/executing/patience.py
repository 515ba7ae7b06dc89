"""How long a pass waits for its calls: not when everything is to stop, and not for those that take very long.

What a pass leaves goes on by itself, in its place of the budget. Before a status says that nothing is live, it gets a
moment to be answered and is then given up; what the API server made all the same is found by the proof.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, TypeVar

from simjob.runtime.client.key import Key

# Seconds that a pass waits for its creations, and that what it has left gets when the job is to end.
LONGEST: Final = 10.0
_GRACE: Final = 1.0
# Seconds that pods of a cancel wait for its latch.
_LATCHED: Final = 2.0
# Seconds between two looks for a stop sign.
GLANCE: Final = 0.2

T = TypeVar("T")
_Task = asyncio.Task[None]
_log: Final = logging.getLogger(__name__)


class Patience:
    """Keeps the calls that passes have left. `wake` is called with the key when one of them has ended."""

    def __init__(self, wake: Callable[[Key], None]) -> None:
        self._wake = wake
        self._left: dict[Key, set[_Task]] = {}

    def leave(self, key: Key, task: _Task) -> None:
        """Take a call that goes on without its pass."""
        self._left.setdefault(key, set()).add(task)
        task.add_done_callback(lambda ended: self._ended(key, ended))

    async def settle(self, key: Key) -> None:
        """Return when no call that a pass had left is under way."""
        if left := self._left.get(key):
            _, late = await asyncio.wait({*left}, timeout=_GRACE)
            for task in late:
                task.cancel()
            if late:
                _log.info("unanswered calls are given up", extra={"uid": key.uid, "calls": len(late)})
                await asyncio.wait(late)

    def close(self) -> None:
        """Give up all that is left."""
        for tasks in self._left.values():
            for task in tasks:
                task.cancel()

    def _ended(self, key: Key, task: _Task) -> None:
        tasks = self._left[key]
        tasks.discard(task)
        if not tasks:
            del self._left[key]
        if task.cancelled():
            return
        if (defect := task.exception()) is not None:
            _log.error("a defect of the operator in a call", exc_info=defect, extra={"uid": key.uid})
        self._wake(key)


async def unless_overtaken(read: Coroutine[Any, Any, T], overtaken: Callable[[], bool]) -> T | None:
    """Return what was read; None if it was given up because of a stop sign. Raises what the read raises."""
    return await stored(read, overtaken, None)


async def stored(
    write: Coroutine[Any, Any, T], overtaken: Callable[[], bool], late: Callable[[], Awaitable[None]] | None
) -> T | None:
    """Return what came of a status write; None if it was given up because of a stop sign.

    `late` belongs to a write that stores a cancel, which no stop sign ends: it is awaited once if the answer takes more
    than two seconds. Raises what the write raises.
    """
    writing, now = asyncio.ensure_future(write), asyncio.get_running_loop().time
    until = now() + _LATCHED
    try:
        while True:
            done, _ = await asyncio.wait({writing}, timeout=GLANCE)
            if done:
                return await writing
            if late is None and overtaken():
                return None
            if late is not None and now() >= until:
                until = float("inf")
                await late()
    finally:
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
