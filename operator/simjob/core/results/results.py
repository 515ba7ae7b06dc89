"""The result table: JSON Lines in ConfigMaps, with one line for each case that ended by itself.

    {"index":3,"name":"3","outcome":"Succeeded","parameters":{"mesh":2},"result":{"drag":0.31}}

The result is the simulation's termination message (core/facts/terminationmessage.py). JSON is kept as written, anything
else as a text (core/results/resultvalue.py). A message that may have been cut is a text, with `"truncated":true`.
"""

import re
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from simjob.api import names
from simjob.api.outcomes import Outcomes
from simjob.api.simulationjob import SimulationJob
from simjob.api.status import Status
from simjob.api.sweep.cases import Case
from simjob.api.sweep.ranges import Ranges
from simjob.api.sweep.stored import Results
from simjob.core.assessment import Situation
from simjob.core.cases import tableshards
from simjob.core.children import childmetadata, configmaps
from simjob.core.plan import End
from simjob.core.results import resultvalue

# Maximum size of a shard. The API server accepts 1 MiB, but a shard is written as a whole each second with new results,
# and etcd keeps every version until the next compaction, for five minutes.
MAX_SHARD_BYTES: Final = 128 * 1024
_LONGEST_NAME: Final = 253
_ROOM: Final = len("-results-9999")

# A row may contain NaN, which strict JSON parsers reject. So index and mark are found by position: first and last.
_INDEX: Final = re.compile(r'\s*\{\s*"index"\s*:\s*(0|[1-9][0-9]{0,8})\s*[,}]')
_MARK: Final = ',"truncated":true}'


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """The valid part of a shard: its text, the indexes of its rows, and the number of truncated rows."""

    text: str
    indexes: frozenset[int] = frozenset()
    truncated: int = 0


def ends(situation: Situation, outcomes: Outcomes) -> tuple[End, ...]:
    """Return the cases that have ended by themselves and that `outcomes` records for the first time."""
    found: list[End] = []
    for case, ended in situation.ended:
        if case.index not in outcomes.succeeded and case.index not in outcomes.failed:
            continue
        pod = case.last_pod
        said = pod.result if pod and pod.outcome and not pod.stopped else ""
        said = said if said.strip() else ""
        name = case.job.case_name if case.job else ""
        end = End(
            index=case.index,
            name=name or str(case.index),
            succeeded=ended.succeeded,
            exit_code=ended.exit_code,
            container=ended.container,
            result=said,
            cut=bool(said and pod and pod.result_cut),
        )
        found.append(end)
    return tuple(found)


def line(end: End, case: Case) -> str:
    """Return the row of a case as JSON with a line feed."""
    row: dict[str, Any] = {"index": end.index, "name": case.name, "outcome": "Succeeded" if end.succeeded else "Failed"}
    if end.exit_code is not None:
        row["exitCode"] = end.exit_code
    if end.container:
        row["container"] = end.container
    row |= {"parameters": case.parameters, "result": resultvalue.of(end.result, cut=end.cut)}
    if end.cut:
        row["truncated"] = True
    return msgspec.json.encode(row).decode() + "\n"


def pack(text: str, lines: Iterable[str]) -> list[tuple[str, int]]:
    """Return the shards after adding `lines` to one with `text`: for each its text, and how many of the lines it has.

    Within a shard, the lines are in the order of their cases.
    """
    shards: list[list[str]] = [[]]
    size = len(text.encode())
    for each in lines:
        length = len(each.encode())
        if size and size + length > MAX_SHARD_BYTES:
            shards.append([])
            size = 0
        shards[-1].append(each)
        size += length
    before = [f"{row}\n" for row in tableshards.lines(text)]
    first, *others = shards
    return [(_ordered([*before, *first]), len(first)), *((_ordered(each), len(each)) for each in others)]


def _ordered(lines: Iterable[str]) -> str:
    """Return the lines in the order of their cases. Lines that are not the operator's come first."""

    def position(line: str) -> int:
        index = _index(line)
        return -1 if index is None else index

    return "".join(sorted(lines, key=position))


def recorded(text: str, ended: Ranges, taken: Set[int] = frozenset()) -> Recorded:
    """Return the valid rows of a shard: their case is in `ended` and not in `taken`. Of several rows, the last counts.

    Lines that are not the operator's are kept.
    """
    kept: list[str] = []
    indexes: set[int] = set()
    truncated = 0
    for line in reversed(tableshards.lines(text)):
        index = _index(line)
        if index is not None:
            if index not in ended or index in taken or index in indexes:
                continue
            indexes.add(index)
            truncated += line.rstrip().endswith(_MARK)
        kept.append(f"{line}\n")
    return Recorded(text="".join(reversed(kept)), indexes=frozenset(indexes), truncated=truncated)


def _index(line: str) -> int | None:
    found = _INDEX.match(line)
    return int(found[1]) if found else None


def shard_name(job: str, number: int) -> str:
    """Return NAME-results-NUMBER. A name that is too long is cut and gets a hash."""
    return f"{childmetadata.shortened(job, _LONGEST_NAME - _ROOM)}-results-{number}"


def last_number(listed: Sequence[str]) -> int:
    """Return the number of the last of these shards; 0 if there is none, or if its name is malformed."""
    text = listed[-1].rpartition("-")[2] if listed else ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 5 else 0


def render(job: SimulationJob, name: str, text: str) -> bytes:
    """Return the JSON of a new shard's ConfigMap, which is deleted with the SimulationJob."""
    return configmaps.render(job, name, "results", names.RESULTS_KEY, text, immutable=False)


def ended(outcomes: Outcomes) -> Ranges:
    """Return the cases that may have a row."""
    return outcomes.succeeded.union(outcomes.failed)


def recounted(status: Status, shards: Sequence[str], indexes: Iterable[int], truncated: int) -> Results | None:
    """Return the results for status, counted from the shards; None if there are none."""
    found = Ranges.of(sorted(indexes))
    stored = status.results
    if stored is None and not found:
        return None
    missing = stored.missing if stored else len(status.outcomes.succeeded.minus(found))
    return Results(config_maps=tuple(shards), rows=len(found), missing=missing, truncated=truncated or None)


def counted(
    stored: Results | None, shards: Iterable[str], *, rows: int, missing: int, truncated: int = 0
) -> Results | None:
    """Return the stored results plus these numbers of new rows in `shards`, missing results and truncated rows."""
    if not rows and not missing:
        return stored
    before = stored or Results()
    listed = dict.fromkeys((*before.config_maps, *shards))
    return Results(
        config_maps=tuple(listed),
        rows=before.rows + rows,
        missing=before.missing + missing,
        truncated=(before.truncated or 0) + truncated or before.truncated,
    )
