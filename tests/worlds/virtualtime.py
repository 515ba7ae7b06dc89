"""An event loop whose time passes at once: it jumps to the next timer when there is nothing else to do.

A test module that sets `LOOP = VirtualTimeLoop` runs on it. Sockets do not work on it: their time is real.
"""

import asyncio
import selectors
from collections.abc import Mapping
from typing import Any


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


def loop_factories(item: Any) -> Mapping[str, type[asyncio.AbstractEventLoop]]:
    """Return the loop factory that the test's module names, for the hook pytest_asyncio_loop_factories."""
    return {"loop": getattr(item.module, "LOOP", asyncio.SelectorEventLoop)}
