"""What the process that reads Parquet says of a file, before its rows."""

import msgspec


class Opened(msgspec.Struct):
    """The first line of an answer: what tells tables apart, how many rows there are, the columns with other names.

    `problem`: why the table cannot be read; then there are no shards.
    """

    digest: str = ""
    rows: int = 0
    renamed: dict[str, str | None] = {}
    problem: str = ""
