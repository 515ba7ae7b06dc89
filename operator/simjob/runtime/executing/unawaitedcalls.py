"""Limit how long a pass waits for its calls: not at all when everything is to stop, and ten seconds for creations.

A call that the pass does not wait for continues in the background and keeps its place in the budget. Before a status
says that no pod is live, `settle` waits a second for such calls and then cancels them. The list that proves the status
finds objects that the API server created all the same.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, TypeVar

from simjob.runtime.client.key import Key

# Seconds that a pass waits for its creations.
LONGEST: Final = 10.0
# Seconds that `settle` waits for calls that passes have left.
_GRACE: Final = 1.0
# Seconds that a cancel waits for its latch to be written before it deletes pods.
_LATCHED: Final = 2.0
# Seconds between two checks for a stop sign.
GLANCE: Final = 0.2

T = TypeVar("T")
_Task = asyncio.Task[None]
_log: Final = logging.getLogger(__name__)


class UnawaitedCalls:
    """Keep the calls that passes did not wait for. When one ends, `wake` is called with its key."""

    def __init__(self, wake: Callable[[Key], None]) -> None:
        self._wake = wake
        self._left: dict[Key, set[_Task]] = {}

    def leave(self, key: Key, task: _Task) -> None:
        """Keep a call that continues without its pass."""
        self._left.setdefault(key, set()).add(task)
        task.add_done_callback(lambda ended: self._ended(key, ended))

    async def settle(self, key: Key) -> None:
        """Wait until no left call of the SimulationJob is running. Cancel those that take longer than a second."""
        if left := self._left.get(key):
            _, late = await asyncio.wait({*left}, timeout=_GRACE)
            for task in late:
                task.cancel()
            if late:
                _log.info("cancelled calls without a response", extra={"uid": key.uid, "calls": len(late)})
                await asyncio.wait(late)

    def close(self) -> None:
        """Cancel all left calls."""
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
            _log.error("a call failed by a bug in the operator", exc_info=defect, extra={"uid": key.uid})
        self._wake(key)


async def unless_overtaken(read: Coroutine[Any, Any, T], overtaken: Callable[[], bool]) -> T | None:
    """Return the result of a read; cancel it and return None at a stop sign. Raise what the read raises."""
    return await stored(read, overtaken, None)


async def stored(
    write: Coroutine[Any, Any, T], overtaken: Callable[[], bool], late: Callable[[], Awaitable[None]] | None
) -> T | None:
    """Return the result of a status write; cancel it and return None at a stop sign. Raise what the write raises.

    Pass `late` for a write that latches a cancel. No stop sign ends such a write; `late` is awaited once if the
    response takes more than two seconds.
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
