"""Tables as programs and people write them: each is read, or refused with words that help."""

import pytest
from oddtables import ODD_TABLES, Odd
from simjob.core import encoding
from simjob.core.tablefile import TableFile
from simjob.core.tableproblems import UnreadableTableError


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
