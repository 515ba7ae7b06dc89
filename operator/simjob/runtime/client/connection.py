"""One HTTP connection pool to the API server: timeouts, retries, and errors by status code and reason.

It knows no kinds and no paths. Every method except POST is retried here. A POST never is, because only its caller
knows whether a second object does harm.
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Final, Protocol
from urllib.parse import urlencode

import aiohttp
from yarl import URL

from simjob.api import names
from simjob.runtime.client import errors
from simjob.runtime.client.clock import ServerClock
from simjob.runtime.client.credentials import Credentials, RedirectedError
from simjob.runtime.client.requestbudget import Budget

# The API server uses the part before the slash as the field manager of every write.
USER_AGENT: Final = f"{names.FIELD_MANAGER}/{version('simjob')}"
MERGE_PATCH: Final = "application/merge-patch+json"
JSON: Final = "application/json"

_REPEATS: Final = 4
_FIRST_DELAY: Final = 0.2
_LONGEST_DELAY: Final = 10.0


class Requests(Protocol):
    """The part of a connection that the rest of the operator uses."""

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: bytes | None = None,
        content_type: str = JSON,
        accept: str = JSON,
        within: float = 15.0,
        repeat: bool = True,
    ) -> bytes:
        """Send a request and return the response body; raise ClusterError if the request fails.

        `within` is the timeout of one try in seconds, not of all tries together.
        """
        ...

    def stream(
        self, path: str, query: Mapping[str, str], inactivity: float
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Read an endless response in chunks; raise ClusterError if it fails or is silent for `inactivity` seconds."""
        ...


class Connection:
    """The operator's HTTP session. Use as `async with Connection.open(credentials, budget) as connection`.

    `clock` gives the API server's time, estimated from its responses.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        host: str,
        budget: Budget,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._session = session
        self._host = host
        self._budget = budget
        self.clock = ServerClock(time.monotonic, lambda: datetime.now(UTC))
        self._sleep = sleep
        self._jitter = jitter

    @classmethod
    @asynccontextmanager
    async def open(cls, credentials: Credentials, budget: Budget) -> AsyncIterator["Connection"]:
        """Open the pool and close it at the end. `budget` limits how many requests are in flight."""
        async with credentials.session(USER_AGENT) as session:
            yield cls(session, credentials.host, budget)

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: bytes | None = None,
        content_type: str = JSON,
        accept: str = JSON,
        within: float = 15.0,
        repeat: bool = True,
    ) -> bytes:
        """See Requests.request. Retries when the API server was too busy or did not respond, but never a POST."""
        url = self._url(path, query)
        headers = {"Accept": accept} if body is None else {"Accept": accept, "Content-Type": content_type}
        tries = _REPEATS if repeat and method != "POST" else 1
        for attempt in range(1, tries + 1):
            try:
                async with self._budget.request():
                    return await self._try(method, url, body, headers, within)
            except errors.UnavailableError as trouble:
                if attempt == tries:
                    raise
                delay = self._delay(attempt, trouble.retry_after)
            await self._sleep(delay)
        raise AssertionError("unreachable")

    @asynccontextmanager
    async def stream(
        self, path: str, query: Mapping[str, str], inactivity: float
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """See Requests.stream. Takes no place of the budget, because a watch lasts for minutes."""
        limits = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=inactivity)
        url = self._url(path, query)
        try:
            async with self._session.get(url, headers={"Accept": JSON}, timeout=limits) as response:
                if response.status >= 400:
                    answer = await response.read()
                    raise errors.from_response(response.status, response.headers.get("Retry-After"), answer, url.parts)
                yield response.content.iter_any()
        except RedirectedError as redirect:
            raise errors.ClusterError(str(redirect)) from redirect
        except (aiohttp.ClientError, TimeoutError) as trouble:
            raise _no_answer("GET", trouble) from trouble

    async def _try(self, method: str, url: URL, body: bytes | None, headers: dict[str, str], within: float) -> bytes:
        limits = aiohttp.ClientTimeout(total=within, sock_connect=5)
        sent = self.clock.start()
        try:
            async with self._session.request(method, url, data=body, headers=headers, timeout=limits) as response:
                self.clock.answered(sent, response.headers.get("Date"))
                answer = await response.read()
        except RedirectedError as redirect:
            raise errors.ClusterError(str(redirect)) from redirect
        except (aiohttp.ClientError, TimeoutError) as trouble:
            raise _no_answer(method, trouble) from trouble
        if response.status >= 400:
            raise errors.from_response(response.status, response.headers.get("Retry-After"), answer, url.parts)
        return answer

    def _url(self, path: str, query: Mapping[str, str] | None) -> URL:
        return URL(f"{self._host}{path}?{urlencode(query)}" if query else self._host + path, encoded=True)

    def _delay(self, attempt: int, retry_after: float | None) -> float:
        delay = _FIRST_DELAY * 2 ** (attempt - 1) if retry_after is None else retry_after
        return min(_LONGEST_DELAY, delay) * (1 + self._jitter() / 2)


def _no_answer(method: str, trouble: Exception) -> errors.UnavailableError:
    return errors.UnavailableError(f"{method}: no answer: {trouble or type(trouble).__name__}")
