import generated
import pytest


@pytest.mark.parametrize("name", generated.FILES)
def test_a_generated_file_is_as_it_would_be_made_now(name: str) -> None:
    assert (generated.ROOT / name).read_text() == generated.FILES[name](), "run `make generate`"
