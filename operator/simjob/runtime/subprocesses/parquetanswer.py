"""The first line of the answer of the process that reads Parquet."""

import msgspec


class Opened(msgspec.Struct):
    """A digest of the file, its number of rows, and the columns whose parameters have other names (None: dropped).

    `problem` says why the table cannot be read; if it is not empty, no shards follow.
    """

    digest: str = ""
    rows: int = 0
    renamed: dict[str, str | None] = {}
    problem: str = ""
