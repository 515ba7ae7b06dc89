"""A table of cases that is being read, from wherever it comes, and why there is none."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass

from simjob.api.status import TableColumn
from simjob.api.sweep.ranges import Ranges
from simjob.core.cases.tableshards import Shard


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table to be written down: what tells it apart, which cases are in it, its shards in order.

    `digest` covers the job's name and the cases, not its uid: made again under its name, a job finds its tables again.
    `format`, `columns`: how the user's table was read, for status.
    """

    digest: str
    indexes: Ranges
    shards: AsyncIterator[Shard]
    format: str | None = None
    columns: tuple[TableColumn, ...] | None = None


class NoCasesError(Exception):
    """The cases cannot be had; the text says why. `permanent`: they never can."""

    def __init__(self, reason: str, message: str, *, permanent: bool = False) -> None:
        super().__init__(message)
        self.reason = reason
        self.permanent = permanent


async def each(shards: Iterable[Shard]) -> AsyncIterator[Shard]:
    """Yield shards that are there already."""
    for shard in shards:
        yield shard


async def made(shards: Iterator[Shard]) -> AsyncIterator[Shard]:
    """Yield shards that take long to make: each is made in a thread."""
    while shard := await asyncio.to_thread(next, shards, None):
        yield shard
