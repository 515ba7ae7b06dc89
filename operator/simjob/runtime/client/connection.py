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
import msgspec
from yarl import URL

from simjob.api import names
from simjob.runtime.client import errors
from simjob.runtime.client.budget import Budget
from simjob.runtime.client.clock import ServerClock
from simjob.runtime.client.credentials import Credentials, RedirectedError

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


class _Cause(msgspec.Struct):
    reason: str = ""
    field: str = ""


class _Details(msgspec.Struct, rename="camel"):
    name: str = ""
    kind: str = ""
    causes: list[_Cause] = []
    retry_after_seconds: float = 0


class _Status(msgspec.Struct):
    message: str = ""
    reason: str = ""
    details: _Details = msgspec.field(default_factory=_Details)


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
                    raise _error(response.status, response.headers.get("Retry-After"), await response.read(), url)
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
            raise _error(response.status, response.headers.get("Retry-After"), answer, url)
        return answer

    def _url(self, path: str, query: Mapping[str, str] | None) -> URL:
        return URL(f"{self._host}{path}?{urlencode(query)}" if query else self._host + path, encoded=True)

    def _delay(self, attempt: int, retry_after: float | None) -> float:
        delay = _FIRST_DELAY * 2 ** (attempt - 1) if retry_after is None else retry_after
        return min(_LONGEST_DELAY, delay) * (1 + self._jitter() / 2)


def _no_answer(method: str, trouble: Exception) -> errors.UnavailableError:
    return errors.UnavailableError(f"{method}: no answer: {trouble or type(trouble).__name__}")


def _error(code: int, retry_after: str | None, answer: bytes, url: URL) -> errors.ClusterError:
    try:
        status = msgspec.json.decode(answer, type=_Status)
    except msgspec.DecodeError:
        # HTML or plain text: from a proxy in between, or from a panic in the API server.
        status = _Status(message=answer[:200].decode(errors="replace"))
    seconds = status.details.retry_after_seconds or (
        float(retry_after) if retry_after and retry_after.isdigit() else None
    )
    kind = _kind(code, status, url)
    return kind(status.message or f"HTTP {code}", code=code, reason=status.reason, retry_after=seconds)


def _kind(code: int, status: _Status, url: URL) -> type[errors.ClusterError]:
    causes = status.details.causes
    match code:
        case 404 if _says_what_is_missing(status, url):
            return errors.NotFoundError
        case 409:
            return errors.AlreadyExistsError if status.reason == "AlreadyExists" else errors.ConflictError
        case 410:
            return errors.GoneError
        case 400 | 413 | 415 | 422:
            return _refusal(code, status)
        case 403 if any(cause.reason == "NamespaceTerminating" for cause in causes):
            return errors.NamespaceTerminatingError
        case 403 if errors.is_object_quota(status.message):
            return errors.ObjectQuotaError
        case 403:
            return errors.ForbiddenError
        case 500 if errors.is_too_large(status.message):
            return errors.InvalidError
        case _ if code in (401, 404, 429) or code >= 500:
            return errors.UnavailableError
        case _:
            return errors.ClusterError


def _says_what_is_missing(status: _Status, url: URL) -> bool:
    """Return whether a 404 is about the object or the namespace in the request's path.

    An API version that is not served, a route that a proxy lost and a webhook's denial can also be a 404. None of them
    means that the object is gone, and the operator deletes the pods of a SimulationJob that is gone.
    """
    details = status.details
    return status.reason == "NotFound" and details.name in url.parts and details.kind in ("", *url.parts)


def _refusal(code: int, status: _Status) -> type[errors.ClusterError]:
    """Return InvalidError if the response looks like the API server's own validation, which names a field.

    A webhook can name a field too, so InvalidError alone does not prove that the object is invalid.
    """
    fields = [cause.field for cause in status.details.causes if cause.field]
    if code == 422 and "metadata.uid" in fields:
        # A uid in a patch is a precondition. It failed: the object of that name has another uid.
        return errors.ConflictError
    final = fields if code == 422 else code != 400 or status.reason == "BadRequest"
    return errors.InvalidError if final else errors.ForbiddenError
