from collections.abc import Iterable

import msgspec
import pytest
from given.builders import a_job
from hypothesis import given
from hypothesis import strategies as st
from simjob.api.sweep.cases import Case
from simjob.api.sweep.ranges import Ranges
from simjob.api.sweep.values import Value
from simjob.core.cases import tableshards
from simjob.core.cases.tableshards import MAX_SHARD_BYTES, DamagedTableError

texts = st.text(st.sampled_from('a"\\\n\r\t\x00\x85\u2028é😀'), max_size=20)
scalars: st.SearchStrategy[Value] = st.one_of(
    texts, st.booleans(), st.integers(-(2**63) + 1, 2**63 - 1), st.floats(allow_nan=False, allow_infinity=False)
)
values = scalars | st.lists(scalars | st.none()) | st.dictionaries(texts, scalars | st.lists(scalars))
cases = st.builds(
    Case,
    st.integers(0, 99_999),
    st.just("name"),
    st.dictionaries(st.just("a"), values),
    st.dictionaries(st.just("a"), texts),
)


def numbered(count: int, **parameters: Value) -> Iterable[Case]:
    return (Case(index, str(index), parameters) for index in range(count))


@given(cases)
def test_a_stored_case_is_read_back_unchanged(case: Case) -> None:
    (shard,) = tableshards.pack([case])
    found = tableshards.find(tableshards.lines(shard.text), case.index)
    assert found == case
    assert [type(value) for value in found.parameters.values()] == [type(v) for v in case.parameters.values()]


def test_a_table_of_an_operator_without_texts_is_read() -> None:
    line = '{"index":3,"name":"3","parameters":{"mesh":1.1,"warm":true}}'
    found = tableshards.find([line], 3)
    assert found == Case(3, "3", {"mesh": 1.1, "warm": True})
    assert (found.text("mesh"), found.text("warm")) == ("1.1", "true")


def test_an_operator_without_texts_can_read_a_new_line() -> None:
    (shard,) = tableshards.pack([Case(3, "3", {"mesh": 1.1}, {"mesh": "1.10"}), Case(4, "4", {"mesh": 2})])
    assert [msgspec.json.decode(line) for line in tableshards.lines(shard.text)] == [
        {"index": 3, "name": "3", "parameters": {"mesh": 1.1}, "texts": {"mesh": "1.10"}},
        {"index": 4, "name": "4", "parameters": {"mesh": 2}},
    ]


def test_shards_stay_below_their_limit_and_hold_each_case_once() -> None:
    shards = list(tableshards.pack(numbered(20_000, text='"\\' * 20, number=1.5)))
    assert len(shards) > 2
    assert max(len(msgspec.json.encode(shard.text)) for shard in shards) <= MAX_SHARD_BYTES + 2
    assert min(len(msgspec.json.encode(shard.text)) for shard in shards[:-1]) > MAX_SHARD_BYTES * 0.99
    names = [tableshards.shard_name("sweep", "0123abcd", shard.first) for shard in shards]
    for index in (0, 1, 5_000, 19_999, *(shard.first for shard in shards), *(s.first - 1 for s in shards[1:])):
        shard = shards[names.index(tableshards.shard_of(names, index))]
        assert tableshards.find(tableshards.lines(shard.text), index).index == index
    assert sum(len(tableshards.lines(shard.text)) for shard in shards) == 20_000


def test_without_cases_there_is_no_shard() -> None:
    assert list(tableshards.pack([])) == []


def test_selected_lines_of_a_shard_are_copied_unchanged() -> None:
    (shard,) = tableshards.pack(numbered(20, text="\u2028 \u0085"))
    lines = tableshards.lines(shard.text)
    found = tableshards.select(lines, Ranges.parse("3,7-8,40"))
    assert found is not None
    assert found.first == 3
    assert tableshards.lines(found.text) == [lines[3], lines[7], lines[8]]
    assert tableshards.select(lines, Ranges.parse("40")) is None


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param([], id="the shard is empty"),
        pytest.param(["{}"], id="the line has no fields"),
        pytest.param(["nonsense"], id="the line is not JSON"),
        pytest.param(['{"index":4}'], id="the line has no name and no parameters"),
        pytest.param(['{"index":3,"name":"3","parameters":{}}'], id="the line is of another case"),
    ],
)
def test_a_case_missing_from_its_shard_is_an_error(lines: list[str]) -> None:
    with pytest.raises(DamagedTableError):
        tableshards.find(lines, 4)


@pytest.mark.parametrize(
    "shards",
    [
        pytest.param([], id="no shard exists"),
        pytest.param(["a-cases-0123abcd-9"], id="the shard has a later number"),
        pytest.param(["strange"], id="the shard's name is not one of the operator's"),
    ],
)
def test_a_case_without_a_shard_is_an_error(shards: list[str]) -> None:
    with pytest.raises(DamagedTableError):
        tableshards.shard_of(shards, 4)


def test_the_name_of_a_shard_is_cut_to_a_label() -> None:
    assert tableshards.shard_name("sweep", "0123abcd", 0) == "sweep-cases-0123abcd-0"
    name = tableshards.shard_name("a." * 126, "0123abcd", 99_999)
    assert len(name) <= 63
    assert name.endswith("a-cases-0123abcd-99999")


def test_different_tables_have_different_digests() -> None:
    found = {
        tableshards.digest("a", "b"),
        tableshards.digest("ab"),
        tableshards.digest("a", "c"),
        tableshards.digest("b", "a"),
    }
    assert len(found) == 4
    assert {len(digest) for digest in found} == {8}


def test_a_shard_cannot_be_changed() -> None:
    body = msgspec.json.decode(tableshards.render(a_job(), "sweep-cases-0123abcd-0", "text"))
    assert body["immutable"] is True
    assert body["data"] == {"cases.jsonl": "text"}
