"""What the status says about the ConfigMaps of a sweep: its table of cases, and the results of its cases."""

from typing import Annotated, Final

from pydantic import Field

from simjob.api.schema import MAX_CASES, Lenient, cut
from simjob.api.sweep.ranges import Ranges, RangesText

MAX_COLUMNS: Final = 256
Count = Annotated[int, Field(ge=0, le=MAX_CASES)]
ShardName = Annotated[str, Field(min_length=1, max_length=253, description="Name of a ConfigMap.")]
# Enough for 100,000 results of 4 KiB each, with 128 KiB in each ConfigMap.
MAX_SHARDS: Final = 4000


class TableColumn(Lenient):
    """A column of the user's table that was renamed or left out."""

    name: Annotated[str, Field(max_length=253, description="Header of the column, as written in the table."), cut(253)]
    parameter: Annotated[
        str | None,
        Field(
            max_length=63,
            description="Name of the parameter. Absent if the column was left out: it only numbers the rows, or is "
            "empty.",
        ),
        cut(63),
    ] = None


class CaseTable(Lenient):
    """The operator's copy of cases that the spec does not hold itself. Once written, the source is not read again."""

    config_maps: Annotated[
        tuple[ShardName, ...],
        Field(max_length=MAX_SHARDS, description="Names of the immutable ConfigMaps with the cases, in order."),
    ] = ()
    indexes: Annotated[RangesText, Field(description="Indexes of the cases in these ConfigMaps.")] = Ranges()
    format: Annotated[
        str | None,
        Field(
            max_length=253,
            description="How the table of `cases.configMap` was read, such as 'CSV, separated by semicolons, with "
            "decimal commas'.",
        ),
        cut(253),
    ] = None
    columns: Annotated[
        tuple[TableColumn, ...] | None,
        Field(
            max_length=MAX_COLUMNS,
            description="Columns of the table that were renamed or left out.",
        ),
    ] = None


class Results(Lenient):
    """The results of the finished cases: the termination messages of their simulations."""

    config_maps: Annotated[
        tuple[ShardName, ...],
        Field(
            max_length=MAX_SHARDS,
            description="Names of the ConfigMaps with the results, in order. Their key `results.jsonl` has one JSON "
            "object per line.",
        ),
    ] = ()
    rows: Annotated[Count, Field(description="Number of cases with a result.")] = 0
    missing: Annotated[
        Count, Field(description="Number of succeeded cases without a result, or whose result could not be stored.")
    ] = 0
    truncated: Annotated[
        Count | None,
        Field(
            description="Number of results that the kubelet may have cut: they have the maximum length, and are stored "
            "as text."
        ),
    ] = None
