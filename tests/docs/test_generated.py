from pathlib import Path

import generated
import pytest
from fields import schema, table
from fields.shown import SHOWN

FIELDS = "docs/fields.md"


@pytest.mark.parametrize("name", generated.FILES)
def test_a_generated_file_is_up_to_date(name: str, pytestconfig: pytest.Config) -> None:
    made = _fields(pytestconfig) if name == FIELDS else generated.FILES[name]()
    assert (generated.ROOT / name).read_text() == made, "run `make generate`"


def _fields(config: pytest.Config) -> str:
    if generated.ROOT / "tests" not in [Path(argument).resolve() for argument in config.args]:
        return generated.FILES[FIELDS]()
    # All tests have just been collected; to do it again in a process of its own takes as long as all the others here.
    fields, shown = schema.fields(), config.stash[SHOWN]
    assert shown.gaps(fields) == []
    return table.render(fields, shown)
