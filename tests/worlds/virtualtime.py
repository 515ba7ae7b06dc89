"""An event loop whose time passes at once: it jumps to the next timer when there is nothing else to do.

A test module that sets `LOOP = VirtualTimeLoop` runs on it. Sockets do not work on it: their time is real.
"""

import asyncio
import selectors
from collections.abc import Callable, Mapping
from contextvars import Context
from typing import Any, TypeVarTuple

Ts = TypeVarTuple("Ts")


class _JumpingSelector(selectors.DefaultSelector):
    """Returns at once and adds up the requested waits."""

    jumped = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout is None:
            raise RuntimeError("the test waits for something that never comes")
        if not ready and timeout:
            self.jumped += timeout
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """Starts at time 1000."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return 1000.0 + self._jumping.jumped


class CoarseTimeLoop(VirtualTimeLoop):
    """Counts time in whole milliseconds, as uvloop does, so a timer may be half a millisecond early.

    A turn takes 0.2 ms.
    """

    def time(self) -> float:
        return int(super().time() * 1000) / 1000

    def call_at(
        self, when: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        rounded = self.time() + round((when - self.time()) * 1000) / 1000
        return super().call_at(rounded, callback, *args, context=context)

    def _run_once(self) -> None:
        super()._run_once()  # type: ignore[misc]
        self._jumping.jumped += 0.0002


def loop_factories(item: Any) -> Mapping[str, type[asyncio.AbstractEventLoop]]:
    """Return the loop factory that the test's module names, for the hook pytest_asyncio_loop_factories."""
    return {"loop": getattr(item.module, "LOOP", asyncio.SelectorEventLoop)}
