"""Run a module of this package in a separate process, so that its imports and data take no memory of the operator.

A helper reads its request from standard input. It answers in lines of JSON: a first line in its own format, one Piece
per shard, then null. The operator kills it when it stops reading.
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

# Bytes of a line. A shard is JSON within JSON, with its quotes escaped twice.
_LONGEST_LINE: Final = 8 * 1024 * 1024
# Seconds for one answer. The largest design takes about ten.
_LONGEST: Final = 300.0
# The last line. Without it an answer is incomplete.
END: Final = b"null\n"
# Bytes of a helper's standard error that are kept: the last ones.
_KEPT: Final = 64 * 1024


class Piece(msgspec.Struct):
    """A line of an answer after the first: one shard."""

    first: int
    text: str


class HelperError(UnavailableError):
    """The process ended before its answer was complete; the message says why."""


class Answer:
    """The answer of a helper, read line by line. Reading raises HelperError if the process ends early."""

    def __init__(self, process: asyncio.subprocess.Process, errors: asyncio.Task[bytes]) -> None:
        self._process = process
        self._errors = errors

    async def line(self) -> bytes:
        """Return the next line, with its newline."""
        line = await _pipe(self._process.stdout).readline()
        if line.endswith(b"\n"):
            return line
        words = (await self._errors).decode(errors="replace").strip().rpartition("\n")[2]
        raise HelperError(f"the helper process ended early with exit code {await self._process.wait()}: {words}")

    async def shards(self) -> AsyncIterator[Shard]:
        """Yield the remaining lines as shards."""
        while (line := await self.line()) != END:
            piece = msgspec.json.decode(line, type=Piece)
            yield Shard(first=piece.first, text=piece.text)


class Helpers:
    """Run one helper at a time: each takes 100 to 250 MiB, which the operator's memory limit includes."""

    def __init__(self) -> None:
        self._place = asyncio.Semaphore(1)

    @asynccontextmanager
    async def asked(self, module: str, request: bytes) -> AsyncIterator[Answer]:
        """Send a request to a module and give its answer.

        Raise HelperError if the answer is not complete after 300 seconds; the process is killed at the end.
        """
        async with self._place, _process(_command(module)) as (process, errors):
            try:
                async with asyncio.timeout(_LONGEST):
                    stdin = _pipe(process.stdin)
                    stdin.write(request)
                    stdin.close()
                    yield Answer(process, errors)
            except TimeoutError as late:
                raise HelperError(f"the helper process did not finish within {_LONGEST:g} s") from late


def packed(shards: Iterable[Shard]) -> Iterator[bytes]:
    """Yield the lines of an answer after the first: the shards and the last line. Runs in a helper."""
    for shard in shards:
        yield msgspec.json.encode(Piece(shard.first, shard.text)) + b"\n"
    yield END


def write(lines: Iterable[bytes]) -> None:
    """Write the lines of an answer to standard output. Runs in a helper."""
    for line in lines:
        sys.stdout.buffer.write(line)
    sys.stdout.buffer.flush()


def _command(module: str) -> tuple[str, ...]:
    return (sys.executable, "-m", module)


@asynccontextmanager
async def _process(command: tuple[str, ...]) -> AsyncIterator[tuple[asyncio.subprocess.Process, asyncio.Task[bytes]]]:
    """Start a process and give it, with the task that reads its standard error; kill it at the end.

    Standard error is read all the time: a full pipe would block the process.
    """
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=_LONGEST_LINE,
        # One thread is enough for a few seconds of work, and each further thread takes memory.
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
    )
    errors = asyncio.create_task(_end(_pipe(process.stderr)))
    try:
        yield process, errors
    finally:
        if process.returncode is None:
            process.kill()
        # Read its pipes to the end, because asyncio's `wait` waits for them too.
        await _end(_pipe(process.stdout))
        await process.wait()
        errors.cancel()


async def _end(stream: asyncio.StreamReader) -> bytes:
    """Read the stream to its end and return the last 64 KiB."""
    kept = b""
    while part := await stream.read(_KEPT):
        kept = (kept + part)[-_KEPT:]
    return kept


def _pipe(stream: T | None) -> T:
    if stream is None:
        raise AssertionError("all three pipes were requested")
    return stream
