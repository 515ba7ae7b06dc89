"""Runs a module of this package in a process of its own: what it imports and computes is never the operator's memory.

A helper reads its request from standard input. It answers in lines of JSON: a first one of its own form, shards as
Piece, then null. It ends with its reader.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from typing import Final, TypeVar

import msgspec

from simjob.core.cases.tableshards import Shard
from simjob.runtime.client.errors import UnavailableError

T = TypeVar("T")

# A shard as JSON in JSON: its quotes are escaped twice.
_LONGEST_LINE: Final = 8 * 1024 * 1024
# Seconds. The largest design takes some ten.
_LONGEST: Final = 300.0
# The last line, without which an answer is not whole.
END: Final = b"null\n"
# The end of what a helper writes to its standard error that is kept, in bytes.
_KEPT: Final = 64 * 1024


class Piece(msgspec.Struct):
    """A line of an answer after the first: a shard."""

    first: int
    text: str


class HelperError(UnavailableError):
    """The process did not answer to the end; the text says why."""


class Answer:
    """What a helper answers, line by line; raises HelperError where it ends early."""

    def __init__(self, process: asyncio.subprocess.Process, errors: asyncio.Task[bytes]) -> None:
        self._process = process
        self._errors = errors

    async def line(self) -> bytes:
        """Return the next line."""
        line = await _pipe(self._process.stdout).readline()
        if line.endswith(b"\n"):
            return line
        words = (await self._errors).decode(errors="replace").strip().rpartition("\n")[2]
        raise HelperError(f"the helper process ended early, with exit code {await self._process.wait()}: {words}")

    async def shards(self) -> AsyncIterator[Shard]:
        """Yield the shards that follow."""
        while (line := await self.line()) != END:
            piece = msgspec.json.decode(line, type=Piece)
            yield Shard(first=piece.first, text=piece.text)


class Helpers:
    """Runs one helper at a time: each takes 100 to 250 MiB, which the operator's container must have to spare."""

    def __init__(self) -> None:
        self._place = asyncio.Semaphore(1)

    @asynccontextmanager
    async def asked(self, module: str, request: bytes) -> AsyncIterator[Answer]:
        """Give the answer of a module to a request; raise HelperError if it does not come to its end."""
        async with self._place, _process(_command(module)) as (process, errors):
            try:
                async with asyncio.timeout(_LONGEST):
                    stdin = _pipe(process.stdin)
                    stdin.write(request)
                    stdin.close()
                    yield Answer(process, errors)
            except TimeoutError as late:
                raise HelperError(f"the helper process has not ended after {_LONGEST:g} s") from late


def packed(shards: Iterable[Shard]) -> Iterator[bytes]:
    """Yield the lines of an answer after the first, for a helper to write."""
    for shard in shards:
        yield msgspec.json.encode(Piece(shard.first, shard.text)) + b"\n"
    yield END


def write(lines: Iterable[bytes]) -> None:
    """Write an answer, in a helper."""
    for line in lines:
        sys.stdout.buffer.write(line)
    sys.stdout.buffer.flush()


def _command(module: str) -> tuple[str, ...]:
    return (sys.executable, "-m", module)


@asynccontextmanager
async def _process(command: tuple[str, ...]) -> AsyncIterator[tuple[asyncio.subprocess.Process, asyncio.Task[bytes]]]:
    """Give a process, and the end of its standard error, which is read while it runs so that no warning blocks it."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=_LONGEST_LINE,
        # One thread: it works for seconds at most, and each further one would take memory.
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
    )
    errors = asyncio.create_task(_end(_pipe(process.stderr)))
    try:
        yield process, errors
    finally:
        if process.returncode is None:
            process.kill()
        # Its pipes must come to their ends: asyncio waits for them, too.
        await _end(_pipe(process.stdout))
        await process.wait()
        errors.cancel()


async def _end(stream: asyncio.StreamReader) -> bytes:
    """Read all that comes, and return the end of it."""
    kept = b""
    while part := await stream.read(_KEPT):
        kept = (kept + part)[-_KEPT:]
    return kept


def _pipe(stream: T | None) -> T:
    if stream is None:
        raise AssertionError("all three were asked for")
    return stream
