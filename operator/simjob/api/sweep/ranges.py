"""Sets of case indexes as sorted, disjoint, inclusive ranges, written "0-9,17".

The cost of an operation grows with the number of ranges, not of indexes. Iteration costs one step per index taken.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import Annotated, Any, Final, Self

from pydantic import BeforeValidator, InstanceOf, PlainSerializer, WithJsonSchema

from simjob.api.crd import rules
from simjob.api.schema import MAX_CASES, validated

Pair = tuple[int, int]

_PART: Final = re.compile(r"([0-9]{1,9})(?:-([0-9]{1,9}))?")

# The longest text for 100,000 indexes: 33,334 pairs of neighbours with a gap of one, 12 characters each.
MAX_TEXT: Final = 4 * MAX_CASES


@dataclass(frozen=True, slots=True)
class Ranges:
    """An immutable set of indexes. Two sets with the same indexes are equal and have the same hash."""

    pairs: tuple[Pair, ...] = ()

    def __post_init__(self) -> None:
        below = -2
        for lo, hi in self.pairs:
            if lo < 0 or hi < lo or lo < below + 2:
                raise ValueError(f"ranges must be sorted, disjoint and not adjacent: {self.pairs!r}")
            below = hi

    @classmethod
    def of(cls, indexes: Iterable[int]) -> Self:
        """Return the set of these indexes, which may be in any order and may repeat."""
        return cls(_merge((index, index) for index in sorted(indexes)))

    @classmethod
    def span(cls, count: int) -> Self:
        """Return the set 0 .. count-1."""
        return cls(((0, count - 1),)) if count > 0 else cls()

    @classmethod
    def parse(cls, text: str, *, below: int = MAX_CASES) -> Self:
        """Return the set that "0-9,17" stands for; "" is the empty set.

        Raise ValueError if the ranges do not ascend, if they overlap, or if an index is not less than `below`.
        """
        pairs = [_parse_part(part, below) for part in text.split(",")] if text else []
        for (_, hi), (lo, _) in pairwise(pairs):
            if lo <= hi:
                raise ValueError(f"index ranges must ascend: {lo} must not follow {hi}")
        return cls(_merge(pairs))

    def __str__(self) -> str:
        return ",".join(str(lo) if lo == hi else f"{lo}-{hi}" for lo, hi in self.pairs)

    def __len__(self) -> int:
        return sum(hi - lo + 1 for lo, hi in self.pairs)

    def __bool__(self) -> bool:
        return bool(self.pairs)

    def __contains__(self, index: object) -> bool:
        if not isinstance(index, int):
            return False
        at = bisect_right(self.pairs, index, key=lambda pair: pair[0])
        return at > 0 and index <= self.pairs[at - 1][1]

    def __iter__(self) -> Iterator[int]:
        for lo, hi in self.pairs:
            yield from range(lo, hi + 1)

    def take(self, count: int) -> Iterator[int]:
        """Return an iterator over the first `count` indexes, or over all if there are fewer."""
        return islice(self, max(count, 0))

    def union(self, other: "Ranges") -> "Ranges":
        """Return the indexes in this set, the other, or both."""
        return Ranges(_merge(sorted((*self.pairs, *other.pairs))))

    def intersection(self, other: "Ranges") -> "Ranges":
        """Return the indexes in both sets."""
        found: list[Pair] = []
        mine, theirs = iter(self.pairs), iter(other.pairs)
        a, b = next(mine, None), next(theirs, None)
        while a is not None and b is not None:
            lo, hi = max(a[0], b[0]), min(a[1], b[1])
            if lo <= hi:
                found.append((lo, hi))
            if a[1] < b[1]:
                a = next(mine, None)
            else:
                b = next(theirs, None)
        return Ranges(tuple(found))

    def minus(self, other: "Ranges") -> "Ranges":
        """Return the indexes in this set and not in the other."""
        return self.intersection(Ranges(_gaps(other.pairs, self.pairs[-1][1]))) if self.pairs else self


def _gaps(pairs: tuple[Pair, ...], last: int) -> tuple[Pair, ...]:
    gaps: list[Pair] = []
    start = 0
    for lo, hi in pairs:
        if start < lo:
            gaps.append((start, lo - 1))
        start = hi + 1
    if start <= last:
        gaps.append((start, last))
    return tuple(gaps)


def _parse_part(part: str, below: int) -> Pair:
    match = _PART.fullmatch(part)
    if match is None:
        raise ValueError(f"index ranges must look like '0-9,17', not {part[:40]!r}")
    lo = int(match[1])
    hi = int(match[2]) if match[2] is not None else lo
    if hi < lo:
        raise ValueError(f"an index range must not run backwards: '{part}'")
    if hi >= below:
        raise ValueError(f"index {hi} must be less than {below}")
    return lo, hi


def _merge(ascending: Iterable[Pair]) -> tuple[Pair, ...]:
    merged: list[Pair] = []
    for lo, hi in ascending:
        if merged and lo <= merged[-1][1] + 1:
            merged[-1] = merged[-1][0], max(hi, merged[-1][1])
        else:
            merged.append((lo, hi))
    return tuple(merged)


_SELECTED: Final = r"^[0-9]{1,5}(-[0-9]{1,5})?(,[0-9]{1,5}(-[0-9]{1,5})?)*$"


def _read(value: Any) -> Any:
    return Ranges.parse(value) if isinstance(value, str) else value


RangesText = Annotated[
    InstanceOf[Ranges],
    BeforeValidator(_read),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "maxLength": MAX_TEXT, "description": "Index ranges, such as '0-9,17'."}),
]


def _select(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    # Sort once: a union per part would take quadratic time, each time the object is read.
    return Ranges(_merge(sorted(_parse_part(part, MAX_CASES) for part in value.split(","))))


def _selected(max_length: int, *checked: rules.Rule) -> WithJsonSchema:
    return WithJsonSchema(
        {
            "type": "string",
            "minLength": 1,
            "maxLength": max_length,
            "pattern": _SELECTED,
            "description": "Index ranges in any order, such as '0-9,17'.",
            **(validated(*checked) if checked else {}),
        }
    )


# Written by people, in any order. The operator reports a range that runs backwards. The API server cannot: for long
# texts, the CEL rule would exceed its cost limit.
SelectedRanges = Annotated[
    InstanceOf[Ranges], BeforeValidator(_select), PlainSerializer(str, return_type=str), _selected(16_384)
]
# Written while a job runs, where a mistake must not harm it. So the API server rejects backward ranges here, which
# limits the length. For more ranges, several patches do.
CheckedRanges = Annotated[
    InstanceOf[Ranges],
    BeforeValidator(_select),
    PlainSerializer(str, return_type=str),
    _selected(1024, rules.RANGES_RULE),
]
