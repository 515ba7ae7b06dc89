"""Tables as programs and people write them: each is read, or refused with words that help."""

import csv
import io
import re
from contextlib import suppress

import pytest
from given.oddtables import ODD_TABLES, Odd
from hypothesis import example, given
from hypothesis import strategies as st
from simjob.core.usertables import encoding
from simjob.core.usertables.parse import TableFile
from simjob.core.usertables.problems import UnreadableTableError


@pytest.mark.parametrize("odd", [pytest.param(odd, id=odd.title) for odd in ODD_TABLES if odd.is_read])
def test_an_odd_table_is_read(odd: Odd) -> None:
    table = opened(odd)
    found = [{name: case.text(name) for name in case.parameters} for case in table.cases()]
    assert found == odd.cases
    assert (table.form, table.renamed) == (odd.says, odd.renamed or {})


@pytest.mark.parametrize("odd", [pytest.param(odd, id=odd.title) for odd in ODD_TABLES if not odd.is_read])
def test_an_odd_table_is_refused_with_words_that_help(odd: Odd) -> None:
    with pytest.raises(UnreadableTableError) as refusal:
        list(opened(odd).cases())
    assert str(refusal.value).startswith(odd.says)


def opened(odd: Odd) -> TableFile:
    content = odd.content
    return TableFile(content if isinstance(content, str) else encoding.decode(content), odd.key)


PARTS = st.sampled_from(
    [*"ab12 \t,;|#%\"'\n\r\0\ufeff{}[]:.-+", "sep=", "1,5", "1.234", "ü", "ω", "true", '""', "\n,,\n"]
)


@given(st.lists(PARTS, max_size=30).map("".join), st.sampled_from(["t.csv", "t.jsonl"]))
@example('# "a\n1', "t.csv")
@example("sep=", "t.csv")
def test_any_table_is_read_or_refused(text: str, key: str) -> None:
    try:
        found = list(TableFile(text, key).cases())
    except UnreadableTableError:
        return
    assert [case.index for case in found] == list(range(len(found)))


@given(st.binary(max_size=40))
def test_any_bytes_are_text_or_refused(data: bytes) -> None:
    with suppress(UnreadableTableError):
        assert isinstance(encoding.decode(data), str)


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8).filter(
    lambda text: text == text.lstrip()
)


@given(st.lists(st.tuples(CELLS, CELLS, st.just("x")), min_size=1, max_size=5), st.sampled_from(",;\t"))
def test_output_of_a_csv_writer_is_read_cell_by_cell(rows: list[tuple[str, str, str]], separator: str) -> None:
    text = io.StringIO()
    csv.writer(text, delimiter=separator, quoting=csv.QUOTE_ALL).writerows([("a", "b", "c"), *rows])
    try:
        cases = list(TableFile(text.getvalue(), "t.csv").cases())
    except UnreadableTableError:
        # Only what may be a number in another notation, a comment, or an error of a spreadsheet is refused.
        assert re.search("[0-9][ ,.'\u2019\u00a0\u202f\u2009]|[,.\u2212\u2013\u00a0\u202f][0-9]|[#%]", text.getvalue())
        return
    found = [tuple(case.text(name) for name in "abc") for case in cases]
    if separator == ",":
        assert found == rows
    else:
        # A decimal comma may have become a point.
        assert [[cell.replace(",", ".") for cell in row] for row in found] == [
            [cell.replace(",", ".") for cell in row] for row in rows
        ]
