"""A table of cases that is being read, from any source, and the error if it cannot be read."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass

from simjob.api.sweep.ranges import Ranges
from simjob.api.sweep.stored import TableColumn
from simjob.core.cases.tableshards import Shard


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table to store in ConfigMaps: its digest, the indexes of its cases, its shards in order.

    `digest` covers the name of the job and the cases, but not its uid: a job that is deleted and created again under
    its name finds its tables. `format` and `columns` go to the status and say how the user's table was read.
    """

    digest: str
    indexes: Ranges
    shards: AsyncIterator[Shard]
    format: str | None = None
    columns: tuple[TableColumn, ...] | None = None


class NoCasesError(Exception):
    """The cases cannot be read; the message says why. `permanent` means that a retry cannot help."""

    def __init__(self, reason: str, message: str, *, permanent: bool = False) -> None:
        super().__init__(message)
        self.reason = reason
        self.permanent = permanent


async def each(shards: Iterable[Shard]) -> AsyncIterator[Shard]:
    """Yield shards that are in memory already."""
    for shard in shards:
        yield shard


async def made(shards: Iterator[Shard]) -> AsyncIterator[Shard]:
    """Yield shards that take long to compute. Each is computed in a thread."""
    while shard := await asyncio.to_thread(next, shards, None):
        yield shard
