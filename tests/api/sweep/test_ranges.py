from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter
from simjob.api.schema import MAX_CASES
from simjob.api.sweep import ranges
from simjob.api.sweep.ranges import MAX_TEXT, Ranges, SelectedRanges

index_sets = st.sets(st.integers(0, 60))


@pytest.mark.parametrize("text", ["", "0", "0-9", "0-9,17", "3,5,7-8", "99999"])
def test_parsed_text_is_written_back_unchanged(text: str) -> None:
    assert str(Ranges.parse(text)) == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("a", "index ranges must look like '0-9,17', not 'a'", id="a word"),
        pytest.param("1,,2", "index ranges must look like '0-9,17', not ''", id="an empty range"),
        pytest.param("-1", "index ranges must look like '0-9,17', not '-1'", id="a negative number"),
        pytest.param("1 ,2", "index ranges must look like '0-9,17', not '1 '", id="a blank"),
        pytest.param("٣", "index ranges must look like '0-9,17', not '٣'", id="a digit of another script"),
        pytest.param("9-3", "an index range must not run backwards: '9-3'", id="a range that runs backwards"),
        pytest.param("5,3", "index ranges must ascend: 3 must not follow 5", id="numbers that descend"),
        pytest.param("0-5,5", "index ranges must ascend: 5 must not follow 5", id="a number twice"),
        pytest.param("0-100000", "index 100000 must be less than 100000", id="a number that is too large"),
    ],
)
def test_invalid_text_is_refused_with_the_reason(text: str, message: str) -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the text is compared below
        Ranges.parse(text)
    assert str(refused.value) == message


def test_the_largest_index_can_be_set() -> None:
    with pytest.raises(ValueError, match="index 3 must be less than 3"):
        Ranges.parse("0-3", below=3)


def test_adjacent_ranges_are_joined() -> None:
    assert Ranges.parse("0-4,5,6-9") == Ranges.span(10)


@pytest.mark.parametrize(
    "pairs",
    [
        pytest.param(((3, 1),), id="a backward range"),
        pytest.param(((0, 1), (2, 3)), id="adjacent ranges"),
        pytest.param(((5, 6), (0, 1)), id="descending ranges"),
        pytest.param(((-1, 0),), id="a negative index"),
    ],
)
def test_unordered_pairs_are_refused(pairs: tuple[tuple[int, int], ...]) -> None:
    with pytest.raises(ValueError, match="sorted, disjoint"):
        Ranges(pairs)


@given(index_sets)
def test_ranges_contain_exactly_their_indexes(indexes: set[int]) -> None:
    ranges = Ranges.of(indexes)
    assert list(ranges) == sorted(indexes)
    assert len(ranges) == len(indexes)
    assert bool(ranges) == bool(indexes)
    assert {index for index in range(-1, 62) if index in ranges} == indexes


@given(index_sets)
def test_text_and_value_are_equivalent(indexes: set[int]) -> None:
    ranges = Ranges.of(indexes)
    assert Ranges.parse(str(ranges)) == ranges
    assert hash(Ranges.parse(str(ranges))) == hash(ranges)


@given(index_sets, index_sets)
def test_union_minus_and_intersection_match_those_of_sets(a: set[int], b: set[int]) -> None:
    assert Ranges.of(a).union(Ranges.of(b)) == Ranges.of(a | b)
    assert Ranges.of(a).minus(Ranges.of(b)) == Ranges.of(a - b)
    assert Ranges.of(a).intersection(Ranges.of(b)) == Ranges.of(a & b)


@given(index_sets, st.integers(-1, 70))
def test_take_gives_the_first_indexes(indexes: set[int], count: int) -> None:
    assert list(Ranges.of(indexes).take(count)) == sorted(indexes)[: max(count, 0)]


def test_a_huge_range_costs_as_much_as_a_small_one() -> None:
    everything = Ranges.span(10**15)
    assert len(everything) == 10**15
    assert list(everything.minus(Ranges.span(10**14)).take(2)) == [10**14, 10**14 + 1]


def test_empty_ranges_have_an_empty_span() -> None:
    assert Ranges.span(0) == Ranges() == Ranges.parse("")


def test_ranges_do_not_contain_other_types() -> None:
    assert "1" not in Ranges.span(3)


@pytest.mark.parametrize(
    ("size", "gap"),
    [
        pytest.param(1, 1, id="every second index"),
        pytest.param(2, 1, id="pairs with one index between them"),
        pytest.param(3, 1, id="ranges of three with one index between them"),
        pytest.param(2, 2, id="pairs with two indexes between them"),
    ],
)
def test_the_longest_text_fits_its_limit(size: int, gap: int) -> None:
    ranges = Ranges(tuple((lo, lo + size - 1) for lo in range(0, MAX_CASES - size, size + gap)))
    assert len(str(ranges)) <= MAX_TEXT


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 9)), min_size=1))
def test_user_input_may_be_unordered_and_overlapping(parts: list[tuple[int, int]]) -> None:
    text = ",".join(f"{low}-{low + more}" if more else str(low) for low, more in parts)
    expected = Ranges.of({index for low, more in parts for index in range(low, low + more + 1)})
    assert TypeAdapter(SelectedRanges).validate_python(text) == expected


def test_the_longest_user_input_is_merged_once(monkeypatch: pytest.MonkeyPatch) -> None:
    merged: list[int] = []
    merge = ranges._merge

    def counted(pairs: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
        found = merge(pairs)
        merged.append(len(found))
        return found

    monkeypatch.setattr(ranges, "_merge", counted)
    text = ",".join(str(index) for index in range(0, 6700, 2))
    assert len(TypeAdapter(SelectedRanges).validate_python(text)) == 3350
    assert merged == [3350]
