import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from simjob.api import names
from simjob.runtime.watching import envelope
from simjob.runtime.watching.readahead import ReadAhead

PATH = f"/apis/{names.API_VERSION}/namespaces/one/{names.PLURAL}"
OTHER = f"/apis/{names.API_VERSION}/namespaces/two/{names.PLURAL}"
TOKENS = ("", "second=", "third")


class Pages:
    """A server of a list with three pages. `asked` has the path and the token of each request."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.trouble: dict[str, int] = {}
        self.closes: set[str] = set()
        self._news = asyncio.Event()

    async def answer(self, request: web.Request) -> web.Response:
        token = request.query.get("continue", "")
        self.asked.append((request.path, token))
        self._news.set()
        if token in self.closes and request.transport:
            request.transport.close()
        if status := self.trouble.pop(token, 0):
            return web.json_response({"message": "refused"}, status=status)
        following = (*TOKENS, "")[TOKENS.index(token) + 1]
        meta = {"name": f"{request.path}{token}", "uid": "u", "resourceVersion": "5"}
        body = {"metadata": {"resourceVersion": "7", "continue": following}, "items": [{"metadata": meta}]}
        return web.json_response(body)

    async def times(self, number: int) -> None:
        async with asyncio.timeout(10):
            while len(self.asked) < number:
                self._news.clear()
                await self._news.wait()


@pytest.fixture
async def pages() -> Pages:
    return Pages()


@pytest.fixture
async def session(pages: Pages) -> AsyncIterator[aiohttp.ClientSession]:
    app = web.Application()
    app.router.add_get("/{path:.*}", pages.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.01)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    async with aiohttp.ClientSession(
        base, middlewares=(ReadAhead(aiohttp.ClientTimeout(total=5)),), response_class=envelope.Response
    ) as session:
        yield session
    # A page that was requested ahead may still be on its way; its connection needs a moment to close.
    await asyncio.sleep(0.05)
    await runner.cleanup()


async def page(session: aiohttp.ClientSession, path: str, token: str) -> dict[str, Any]:
    """Ask for a page as kopf does."""
    async with session.get(path, params={"limit": "20", **({"continue": token} if token else {})}) as response:
        found: dict[str, Any] = await response.json()
        return found


def named(found: dict[str, Any]) -> list[str]:
    return [item["metadata"]["name"] for item in found["items"]]


async def test_the_next_page_is_requested_before_kopf_asks_for_it(pages: Pages, session: aiohttp.ClientSession) -> None:
    await page(session, PATH, "")
    await pages.times(2)
    assert pages.asked == [(PATH, ""), (PATH, "second=")]


async def test_each_page_is_requested_once_and_in_order(pages: Pages, session: aiohttp.ClientSession) -> None:
    found = [named(await page(session, PATH, token)) for token in TOKENS]
    assert found == [[PATH], [f"{PATH}second="], [f"{PATH}third"]]
    assert pages.asked == [(PATH, token) for token in TOKENS]


async def test_only_one_page_is_requested_ahead(pages: Pages, session: aiohttp.ClientSession) -> None:
    await page(session, PATH, "")
    await pages.times(2)
    await asyncio.sleep(0.05)
    assert len(pages.asked) == 2


async def test_lists_of_two_namespaces_are_kept_apart(pages: Pages, session: aiohttp.ClientSession) -> None:
    await page(session, PATH, "")
    await page(session, OTHER, "")
    assert named(await page(session, OTHER, "second=")) == [f"{OTHER}second="]
    assert named(await page(session, PATH, "second=")) == [f"{PATH}second="]
    await pages.times(6)
    assert len(pages.asked) == len(set(pages.asked)) == 6


@pytest.mark.parametrize("status", [410, 429, 500])
async def test_a_refusal_is_passed_on_and_the_next_try_is_a_request(
    pages: Pages, session: aiohttp.ClientSession, status: int
) -> None:
    pages.trouble["second="] = status
    await page(session, PATH, "")
    assert await page(session, PATH, "second=") == {"message": "refused"}
    assert pages.asked == [(PATH, ""), (PATH, "second=")]
    assert named(await page(session, PATH, "second=")) == [f"{PATH}second="]


async def test_a_page_without_a_response_is_requested_again(pages: Pages, session: aiohttp.ClientSession) -> None:
    pages.closes.add("second=")
    await page(session, PATH, "")
    await pages.times(2)
    pages.closes.clear()
    assert named(await page(session, PATH, "second=")) == [f"{PATH}second="]


async def test_a_list_that_starts_again_does_not_get_an_old_page(pages: Pages, session: aiohttp.ClientSession) -> None:
    await page(session, PATH, "")
    assert named(await page(session, PATH, "")) == [PATH]
    assert named(await page(session, PATH, "second=")) == [f"{PATH}second="]


async def test_a_closed_session_ends_the_request_without_an_error(
    pages: Pages, session: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    await page(session, PATH, "")
    await session.close()
    await asyncio.sleep(0.05)
    assert caplog.records == []
