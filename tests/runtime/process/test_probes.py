import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from simjob.runtime.process import probes
from simjob.runtime.process.probes import Check


@asynccontextmanager
async def a_server(*, health: list[Check] | None = None, ready: list[Check] | None = None) -> AsyncIterator[str]:
    async with probes.serving("127.0.0.1", 0, health=health or [], ready=ready or []) as port:
        yield f"http://127.0.0.1:{port}"


async def ask(url: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return response.status, await response.text()


async def test_both_probes_answer_ok_without_problems() -> None:
    async with a_server(health=[lambda: None]) as url:
        assert await ask(f"{url}/healthz") == (200, "ok\n")
        assert await ask(f"{url}/readyz") == (200, "ok\n")


async def test_a_problem_is_reported_in_one_line() -> None:
    async with a_server(health=[lambda: "the loop is late", lambda: None, lambda: "no byte"]) as url:
        assert await ask(f"{url}/healthz") == (503, "the loop is late; no byte\n")
        assert await ask(f"{url}/readyz") == (200, "ok\n")


async def test_unlisted_caches_are_not_ready() -> None:
    listed = asyncio.Event()
    async with a_server(ready=[probes.filled("pods", listed)]) as url:
        assert await ask(f"{url}/readyz") == (503, "pods: the first list is not complete yet\n")
        listed.set()
        assert await ask(f"{url}/readyz") == (200, "ok\n")


def test_a_watch_that_is_silent_for_too_long_is_named() -> None:
    assert probes.fresh("pods", lambda: 151.4, 150)() == "pods: nothing received for 151 s (limit 150 s)"
    assert probes.fresh("pods", lambda: 150, 150)() is None
