"""Has designs of experiments drawn in a process of its own: scipy's memory and start are never the operator's.

The process is `python -m simjob.runtime.sampler`; it ends with its reader.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar

import msgspec

from simjob.api.ranges import Ranges
from simjob.api.samples import Samples
from simjob.core.casetable import Shard
from simjob.runtime.errors import UnavailableError

T = TypeVar("T")

# A shard as JSON in JSON: its quotes are escaped twice.
_LONGEST_LINE: Final = 8 * 1024 * 1024
# Seconds. The largest design takes some ten.
_LONGEST: Final = 300.0
# The last line, without which an answer is not whole.
END: Final = b"null\n"
_TOLD: Final = 64 * 1024
_COMMAND: Final = (sys.executable, "-m", "simjob.runtime.sampler")


class Request(msgspec.Struct):
    """What to draw: a design (as in the spec), its seed, and which of its points are wanted (as index ranges)."""

    samples: dict[str, Any]
    seed: int
    indexes: str


class Piece(msgspec.Struct):
    """A line of the answer after the first: a shard."""

    first: int
    text: str


class SamplerError(UnavailableError):
    """The process that draws did not get through; the text says why."""


class Designs:
    """Draws one design at a time: each takes 100 to 250 MiB, which the operator's container must have to spare."""

    def __init__(self) -> None:
        self._place = asyncio.Semaphore(1)

    @asynccontextmanager
    async def drawn(
        self, samples: Samples, seed: int, indexes: Ranges
    ) -> AsyncIterator[tuple[str, AsyncIterator[Shard]]]:
        """Gives a digest of the points and then their shards; raises SamplerError if that does not get through."""
        request = msgspec.json.encode(Request(samples.to_api(as_given=True), seed, str(indexes)))
        async with self._place, _process() as process:
            try:
                async with asyncio.timeout(_LONGEST):
                    stdin = _pipe(process.stdin)
                    stdin.write(request)
                    stdin.close()
                    digest = await _line(process)
                    yield msgspec.json.decode(digest, type=str), _shards(process)
            except TimeoutError as late:
                raise SamplerError(f"the sampler has not ended after {_LONGEST:g} s") from late


@asynccontextmanager
async def _process() -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *_COMMAND,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=_LONGEST_LINE,
        # One thread: it draws for seconds at most, and each further one would take memory.
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def _pipe(stream: T | None) -> T:
    if stream is None:
        raise AssertionError("all three were asked for")
    return stream


async def _shards(process: asyncio.subprocess.Process) -> AsyncIterator[Shard]:
    while (line := await _line(process)) != END:
        piece = msgspec.json.decode(line, type=Piece)
        yield Shard(first=piece.first, text=piece.text)


async def _line(process: asyncio.subprocess.Process) -> bytes:
    line = await _pipe(process.stdout).readline()
    if line.endswith(b"\n"):
        return line
    why = (await _pipe(process.stderr).read(_TOLD)).decode(errors="replace").strip().rpartition("\n")[2]
    raise SamplerError(f"the sampler ended early, with exit code {await process.wait()}: {why}")
