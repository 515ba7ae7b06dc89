"""What simulations said of their results when they ended, as a table: JSON Lines in ConfigMaps, a case a line.

    {"index":3,"name":"3","outcome":"Succeeded","parameters":{"mesh":2},"result":{"drag":0.31}}

A simulation says it in its termination message (core/facts/terminationmessage.py). JSON is kept as it is written, all
else as a text (core/results/resultvalue.py). So is a message that may have been cut, with `"truncated":true` beside it.
"""

import re
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

import msgspec

from simjob.api import names
from simjob.api.outcomes import Outcomes
from simjob.api.simulationjob import SimulationJob
from simjob.api.status import Results, Status
from simjob.api.sweep.cases import Case
from simjob.api.sweep.ranges import Ranges
from simjob.core.assessment import Situation
from simjob.core.cases import tableshards
from simjob.core.children import configmaps
from simjob.core.plan import End
from simjob.core.results import resultvalue

# Of a shard, and of a line. The API server takes 1 MiB; but a shard is written whole each second that brings results,
# and etcd keeps all that was written until the next compaction, five minutes.
MAX_SHARD_BYTES: Final = 128 * 1024
_LONGEST_NAME: Final = 253
_ROOM: Final = len("-results-9999")


# A row may hold NaN, which no strict reader takes; as it is written, its index comes first and its mark last.
_INDEX: Final = re.compile(r'\s*\{\s*"index"\s*:\s*(0|[1-9][0-9]{0,8})\s*[,}]')
_MARK: Final = ',"truncated":true}'


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """The part of a shard that counts: its text, the cases of its rows, and how many of these are truncated."""

    text: str
    indexes: frozenset[int] = frozenset()
    truncated: int = 0


def ends(situation: Situation, outcomes: Outcomes) -> tuple[End, ...]:
    """Return the ends that `outcomes` has and the stored status has not."""
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
    """Return the row of a case, with its line feed."""
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
    """Return the shards that go on from one with `text`: each one's text, and how many of the lines are in it.

    The lines of a shard are in the order of their cases.
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
    """Return the lines in the order of their cases, after what is no row of ours."""

    def position(line: str) -> int:
        index = _index(line)
        return -1 if index is None else index

    return "".join(sorted(lines, key=position))


def recorded(text: str, ended: Ranges, taken: Set[int] = frozenset()) -> Recorded:
    """Return of a shard the rows whose cases have ended by the status and are not `taken`, one for each: the last.

    What is no row of ours stays as it is.
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
    """Return NAME-results-NUMBER; a name that is too long for that is cut and has a hash."""
    if len(job) + _ROOM > _LONGEST_NAME:
        digest = sha256(job.encode()).hexdigest()[:8]
        job = f"{job[: _LONGEST_NAME - _ROOM - 9].rstrip('-.')}-{digest}"
    return f"{job}-results-{number}"


def last_number(listed: Sequence[str]) -> int:
    """Return the number of the last of these shards; 0 if there is none, or if it is none of ours."""
    text = listed[-1].rpartition("-")[2] if listed else ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 5 else 0


def render(job: SimulationJob, name: str, text: str) -> bytes:
    """Return the JSON of a new shard's ConfigMap; it is deleted with the SimulationJob."""
    return configmaps.render(job, name, "results", names.RESULTS_KEY, text, immutable=False)


def ended(outcomes: Outcomes) -> Ranges:
    """Return the cases that may have a row."""
    return outcomes.succeeded.union(outcomes.failed)


def recounted(status: Status, shards: Sequence[str], indexes: Iterable[int], truncated: int) -> Results | None:
    """Return the results that a status should name, by what the shards hold; None if there are none."""
    found = Ranges.of(sorted(indexes))
    stored = status.results
    if stored is None and not found:
        return None
    missing = stored.missing if stored else len(status.outcomes.succeeded.minus(found))
    return Results(config_maps=tuple(shards), rows=len(found), missing=missing, truncated=truncated or None)


def counted(
    stored: Results | None, shards: Iterable[str], *, rows: int, missing: int, truncated: int = 0
) -> Results | None:
    """Return the stored results with more rows, which are in `shards`, some of them truncated, and more missing."""
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
