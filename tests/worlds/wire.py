"""A connection that answers from a script, for the parts that only see `Requests`."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from simjob.runtime.client import errors
from simjob.runtime.client.connection import JSON

Answer = bytes | dict[str, Any] | Exception


class Hang:
    """A stream's chunk that never comes."""


Script = Sequence[bytes | Exception | Hang]


class Wire:
    """Requests by script: `answer` decides on requests; `streams` are the watches to come, each a list of chunks."""

    def __init__(self, answer: Callable[[str, str, bytes | None], Answer] | None = None) -> None:
        self.answer = answer
        self.answers: deque[Answer] = deque()
        self.streams: deque[Script | Exception] = deque()
        self.requests: list[tuple[str, str, Mapping[str, str]]] = []
        self.accepted: list[str] = []
        self.bodies: list[Any] = []
        self.watches: list[Mapping[str, str]] = []

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
        self.requests.append((method, path, dict(query or {})))
        self.accepted.append(accept)
        self.bodies.append(msgspec.json.decode(body) if body else None)
        answer = self.answer(method, path, body) if self.answer else self.answers.popleft()
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, bytes) else msgspec.json.encode(answer)

    @asynccontextmanager
    async def stream(
        self, path: str, query: Mapping[str, str], inactivity: float
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        self.watches.append(dict(query))
        script: Script | Exception = self.streams.popleft() if self.streams else [Hang()]
        if isinstance(script, Exception):
            raise script
        yield self._chunks(script, inactivity)

    async def _chunks(self, script: Script, inactivity: float) -> AsyncIterator[bytes]:
        for chunk in script:
            if isinstance(chunk, Hang):
                await asyncio.sleep(inactivity)
                raise errors.UnavailableError("nothing came")
            if isinstance(chunk, Exception):
                raise chunk
            yield chunk
            await asyncio.sleep(1)
