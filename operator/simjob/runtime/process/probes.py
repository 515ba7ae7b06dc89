"""What the kubelet asks: /healthz (restart me?) and /readyz (am I caught up?).

The checks are handed in; a check returns what is wrong, in words, or None. Replicas that wait for the Lease are
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
    """Check that `age` seconds are at most `limit`."""

    def check() -> str | None:
        seconds = age()
        return f"{what}: nothing for {seconds:.0f} s, more than {limit:.0f} s" if seconds > limit else None

    return check


def filled(what: str, event: asyncio.Event) -> Check:
    """Check that `event` is set."""
    return lambda: None if event.is_set() else f"{what}: not all listed yet"


class Lag:
    """How late the event loop is: a hung loop answers no probe, a slow one says so here."""

    def __init__(
        self,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._monotonic = monotonic
        self._seconds = 0.0

    async def run(self) -> None:
        """Measure until it is cancelled."""
        while True:
            started = self._monotonic()
            await asyncio.sleep(1.0)
            self._seconds = self._monotonic() - started - 1.0

    def check(self, limit: float = 5.0) -> Check:
        """Check that the loop's last second did not take `limit` seconds more."""
        return lambda: f"event loop: {self._seconds:.1f} s late" if self._seconds > limit else None
