"""Read the table of cases in a user's ConfigMap: CSV and JSON Lines here, Parquet in a helper process."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

import msgspec

from simjob.api.names import Reason
from simjob.api.simulationjob import SimulationJob
from simjob.api.sweep.cases import ConfigMapTable
from simjob.api.sweep.ranges import Ranges
from simjob.api.sweep.stored import TableColumn
from simjob.core.cases import tableshards
from simjob.core.usertables import encoding
from simjob.core.usertables.parse import TableFile
from simjob.core.usertables.problems import UnreadableTableError
from simjob.runtime.client.errors import NotFoundError
from simjob.runtime.cluster.calls import Cluster, ConfigMap
from simjob.runtime.subprocesses.childprocess import Helpers
from simjob.runtime.subprocesses.parquetanswer import Opened
from simjob.runtime.tables import opentable
from simjob.runtime.tables.opentable import NoCasesError, Table

# Characters. A longer text takes more than a few milliseconds to parse, and is parsed in a thread.
SHORT: Final = 20_000
_KEYS_SHOWN: Final = 10
_PARQUET: Final = "simjob.runtime.subprocesses.parquet"


class UserTables:
    """Read users' tables."""

    def __init__(self, cluster: Cluster, helpers: Helpers) -> None:
        self._cluster = cluster
        self._helpers = helpers

    @asynccontextmanager
    async def opened(self, job: SimulationJob, source: ConfigMapTable) -> AsyncIterator[Table]:
        """Give the table; raise NoCasesError if it is missing or invalid."""
        content = await self._content(job.metadata.namespace, source)
        salt = job.metadata.name
        try:
            if isinstance(content, bytes) and content.startswith(encoding.PARQUET):
                async with self._parquet(content, salt) as table:
                    yield table
            # A ConfigMap holds at most one MiB, so all of it may be in memory.
            elif len(content) > SHORT:
                yield await asyncio.to_thread(_read, content, source.key, salt)
            else:
                yield _read(content, source.key, salt)
        except UnreadableTableError as unreadable:
            message = (
                f'key "{source.key}" of ConfigMap "{source.name}" cannot be read: {unreadable}. '
                "Correct the ConfigMap; the job then continues"
            )
            raise NoCasesError(Reason.CASES_UNREADABLE, message) from unreadable

    async def _content(self, namespace: str, source: ConfigMapTable) -> str | bytes:
        try:
            return _value(await self._cluster.get_config_map(namespace, source.name), source)
        except NotFoundError as missing:
            message = f'there is no ConfigMap "{source.name}" with the cases; they start when it exists'
            raise NoCasesError(Reason.SOURCE_NOT_FOUND, message) from missing

    @asynccontextmanager
    async def _parquet(self, content: bytes, salt: str) -> AsyncIterator[Table]:
        async with self._helpers.asked(_PARQUET, content) as answer:
            found = msgspec.json.decode(await answer.line(), type=Opened)
            if found.problem:
                raise UnreadableTableError(found.problem)
            yield Table(
                digest=tableshards.digest(salt, found.digest),
                indexes=Ranges.span(found.rows),
                shards=answer.shards(),
                format="Parquet",
                columns=_columns(found.renamed),
            )


def _value(found: ConfigMap, source: ConfigMapTable) -> str | bytes:
    value = found.data.get(source.key, found.binary.get(source.key))
    if value is not None:
        return value
    keys = sorted((*found.data, *found.binary))
    shown = ", ".join(f'"{key}"' for key in keys[:_KEYS_SHOWN]) or "none"
    more = f" and {len(keys) - _KEYS_SHOWN} more" if len(keys) > _KEYS_SHOWN else ""
    message = (
        f'ConfigMap "{source.name}" has no key "{source.key}"; its keys are {shown}{more}. '
        "Add the key; the job then continues"
    )
    raise NoCasesError(Reason.SOURCE_NOT_FOUND, message)


def _read(content: str | bytes, key: str, salt: str) -> Table:
    found = TableFile(content if isinstance(content, str) else encoding.decode(content), key)
    shards = list(tableshards.pack(found.cases()))
    return Table(
        digest=tableshards.digest(salt, *(shard.text for shard in shards)),
        indexes=Ranges.span(found.count),
        shards=opentable.each(shards),
        format=found.form,
        columns=_columns(found.renamed),
    )


def _columns(renamed: Mapping[str, str | None]) -> tuple[TableColumn, ...] | None:
    return tuple(TableColumn(name=name, parameter=parameter) for name, parameter in renamed.items()) or None
