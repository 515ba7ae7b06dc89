"""Request the next page of kopf's list while kopf still handles the current one.

When the operator starts, the API server takes most of the time for this list. Otherwise it would wait for kopf between
two pages. At most one page is requested ahead, so that memory does not grow with the list.
"""

import asyncio
from functools import partial
from typing import Final

import aiohttp
from aiohttp import ClientHandlerType, ClientRequest, ClientResponse
from yarl import URL

from simjob.runtime.watching import envelope

_CONTINUE: Final = "continue"
_Reading = asyncio.Task[ClientResponse | None]


class ReadAhead:
    """A middleware for kopf's session. `limits`: how long a page may take.

    A refusal is passed on to kopf. A page without a response is requested again when kopf asks for it.
    """

    def __init__(self, limits: aiohttp.ClientTimeout) -> None:
        self._limits = limits
        # The page that was requested ahead, by the path of its list; with the token that kopf will send.
        self._pages: dict[str, tuple[str, _Reading]] = {}

    async def __call__(self, request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        """Return the page that was requested ahead, or send the request."""
        response = await self._page(request.url) or await handler(request)
        if isinstance(response, envelope.Response):
            response.on_continue = partial(self._begin, request.session, request.url)
        return response

    def _begin(self, session: aiohttp.ClientSession, url: URL, token: str) -> None:
        """Request the page that follows the one at `url`."""
        self._drop(url.path)
        self._pages[url.path] = token, asyncio.ensure_future(self._read(session, url.update_query({_CONTINUE: token})))

    async def _page(self, url: URL) -> ClientResponse | None:
        """Return the page if it was requested ahead; None if it was not, or could not be read."""
        token, reading = self._pages.get(url.path, ("", None))
        if reading is None or reading is asyncio.current_task():
            return None
        if token != url.query.get(_CONTINUE):
            # The list has begun again.
            self._drop(url.path)
            return None
        del self._pages[url.path]
        return await reading

    def _drop(self, path: str) -> None:
        if found := self._pages.pop(path, None):
            found[1].cancel()

    async def _read(self, session: aiohttp.ClientSession, url: URL) -> ClientResponse | None:
        if session.closed:
            return None
        try:
            response = await session.get(url, timeout=self._limits)
            await response.read()
        except (aiohttp.ClientError, TimeoutError):
            return None
        return response
