"""Serve the kubelet's probes: /healthz fails if a restart would help, /readyz fails until all caches are filled.

The checks are parameters. A check returns a description of the problem, or None. Replicas that wait for the Lease are
healthy and ready.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager

from aiohttp import web

Check = Callable[[], str | None]


@asynccontextmanager
async def serving(host: str, port: int, *, health: Collection[Check], ready: Collection[Check]) -> AsyncIterator[int]:
    """Answer probes inside the block; give the port. An empty host means all addresses."""
    app = web.Application()
    app.router.add_get("/healthz", _answering(health))
    app.router.add_get("/readyz", _answering(ready))
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, host or None, port).start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


def _answering(checks: Collection[Check]) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(_: web.Request) -> web.Response:
        wrong = [text for check in checks if (text := check())]
        return web.Response(text=f"{'; '.join(wrong) or 'ok'}\n", status=503 if wrong else 200)

    return answer


def fresh(what: str, age: Callable[[], float], limit: float) -> Check:
    """Return a check that `age()` is at most `limit` seconds. `what` names the subject in the response."""

    def check() -> str | None:
        seconds = age()
        return f"{what}: nothing received for {seconds:.0f} s (limit {limit:.0f} s)" if seconds > limit else None

    return check


def filled(what: str, event: asyncio.Event) -> Check:
    """Return a check that `event` is set."""
    return lambda: None if event.is_set() else f"{what}: the first list is not complete yet"


class Lag:
    """Measure how late the event loop is. A loop that hangs answers no probe at all; this finds one that is slow."""

    def __init__(
        self,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._monotonic = monotonic
        self._seconds = 0.0

    async def run(self) -> None:
        """Measure once per second until cancelled."""
        while True:
            started = self._monotonic()
            await asyncio.sleep(1.0)
            self._seconds = self._monotonic() - started - 1.0

    def check(self, limit: float = 5.0) -> Check:
        """Return a check that the last measurement was at most `limit` seconds late."""
        return lambda: f"event loop: {self._seconds:.1f} s late" if self._seconds > limit else None
