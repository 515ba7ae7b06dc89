"""What simulations said of their results when they ended, as a table: JSON Lines in ConfigMaps, a case a line.

    {"index":3,"name":"3","outcome":"Succeeded","parameters":{"mesh":2},"result":{"drag":0.31}}

A simulation says it in its termination message, of which the kubelet keeps 4096 bytes. JSON is kept as it is written;
what is not JSON is kept as a text.
https://kubernetes.io/docs/tasks/debug/debug-application/determine-reason-pod-failure/#customizing-the-termination-message
"""

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Any, Final

import msgspec

from simjob.api import names
from simjob.api.cases import Case
from simjob.api.ranges import Ranges
from simjob.api.simulationjob import SimulationJob
from simjob.api.status import Ledger, Results
from simjob.core import casetable, configmaps
from simjob.core.plan import End
from simjob.core.situation import Situation

# Of a shard, and of a line. The API server takes 1 MiB; but a shard is written whole each second that brings results,
# and etcd keeps all that was written until the next compaction, five minutes.
MAX_SHARD_BYTES: Final = 128 * 1024
# Deeper than this JSON is kept as a text: readers have limits of their own (jq 1.6: 256, Python: some 1000).
MAX_DEPTH: Final = 100
_LONGEST_NAME: Final = 253
_ROOM: Final = len("-results-9999")


class _Index(msgspec.Struct):
    index: int


_INDEXES: Final = msgspec.json.Decoder(_Index)


def ends(situation: Situation, ledger: Ledger) -> tuple[End, ...]:
    """Returns the ends that come into the ledger with `ledger`."""
    found: list[End] = []
    for case, ended in situation.ended:
        if case.index not in ledger.succeeded and case.index not in ledger.failed:
            continue
        pod = case.last_pod
        said = pod.result if pod and pod.outcome and not pod.stopped else ""
        name = case.job.case_name if case.job else ""
        end = End(
            index=case.index,
            name=name or str(case.index),
            succeeded=ended.succeeded,
            exit_code=ended.exit_code,
            container=ended.container,
            result=said if said.strip() else "",
        )
        found.append(end)
    return tuple(found)


def line(end: End, case: Case) -> str:
    """Returns the row of a case, with its line feed."""
    row: dict[str, Any] = {"index": end.index, "name": case.name, "outcome": "Succeeded" if end.succeeded else "Failed"}
    if end.exit_code is not None:
        row["exitCode"] = end.exit_code
    if end.container:
        row["container"] = end.container
    row |= {"parameters": case.parameters, "result": _value(end.result)}
    return msgspec.json.encode(row).decode() + "\n"


def _value(message: str) -> msgspec.Raw | str:
    try:
        value = msgspec.json.decode(message)
        return message if _is_deep(value) else msgspec.Raw(msgspec.json.format(message.encode(), indent=-1))
    except (msgspec.MsgspecError, RecursionError):
        return message


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [inner for each in level for inner in _inside(each)]
        if not level:
            return False
    return True


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def pack(text: str, lines: Iterable[str]) -> list[tuple[str, int]]:
    """Returns the shards that go on from one with `text`: each one's text, and how many of the lines are in it."""
    shards: list[list[str]] = [[text]]
    size = len(text.encode())
    for each in lines:
        length = len(each.encode())
        if size and size + length > MAX_SHARD_BYTES:
            shards.append([])
            size = 0
        shards[-1].append(each)
        size += length
    first, *others = shards
    return [("".join(first), len(first) - 1), *(("".join(each), len(each)) for each in others)]


def recorded(text: str, ended: Ranges) -> str:
    """Returns the lines of a shard whose cases have ended by the ledger; what is no row of ours stays as it is."""
    return "".join(f"{row}\n" for row in casetable.lines(text) if (index := _index(row)) is None or index in ended)


def _index(row: str) -> int | None:
    try:
        return _INDEXES.decode(row).index
    except msgspec.MsgspecError:
        return None


def shard_name(job: str, number: int) -> str:
    """Returns NAME-results-NUMBER; a name that is too long for that is cut and has a hash."""
    if len(job) + _ROOM > _LONGEST_NAME:
        digest = sha256(job.encode()).hexdigest()[:8]
        job = f"{job[: _LONGEST_NAME - _ROOM - 9].rstrip('-.')}-{digest}"
    return f"{job}-results-{number}"


def last_number(listed: Sequence[str]) -> int:
    """Returns the number of the last of these shards; 0 if there is none, or if it is none of ours."""
    text = listed[-1].rpartition("-")[2] if listed else ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 5 else 0


def render(job: SimulationJob, name: str, text: str) -> bytes:
    """Returns the JSON of a new shard's ConfigMap; it goes with the SimulationJob."""
    return configmaps.render(job, name, "results", names.RESULTS_KEY, text, immutable=False)


def counted(stored: Results | None, shards: Iterable[str], *, rows: int, missing: int) -> Results | None:
    """Returns the stored results with so many rows more, which are in `shards`, and so many missing."""
    if not rows and not missing:
        return stored
    before = stored or Results()
    listed = dict.fromkeys((*before.config_maps, *shards))
    return Results(config_maps=tuple(listed), rows=before.rows + rows, missing=before.missing + missing)
