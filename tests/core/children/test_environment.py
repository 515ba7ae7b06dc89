import pytest
from simjob.api.sweep.cases import Case
from simjob.core.children import environment


def test_a_variable_may_have_the_linux_limit_and_no_byte_more() -> None:
    longest = "x" * (environment.MAX_BYTES - len("NAME=") - 1)
    assert environment.problem({"NAME": longest}) is None
    assert environment.problem({"NAME": longest + "x"}) == (
        "environment variable NAME would have 131073 bytes, and Linux allows at most 131072: "
        "use fewer or shorter values, or put large inputs into files"
    )


def test_the_limit_counts_bytes_not_characters() -> None:
    assert environment.problem({"NAME": "网" * 50_000}) is not None
    assert environment.problem({"NAME": "x" * 50_000}) is None


def test_a_nul_character_is_refused() -> None:
    assert environment.problem({"A": "1", "B": "a\0b"}) == (
        "environment variable B would hold a NUL character, which ends a text there: remove it"
    )


@pytest.mark.parametrize("character", ["\x01", '"', "网", "🛩"])
def test_a_small_variable_is_accepted_with_any_characters(character: str) -> None:
    count = 64
    length = next(n for n in range(2000, 0, -1) if environment.bound(count, count * n) <= environment.MAX_BYTES)
    parameters = {f"{'p' * 60}{n}": character * length for n in range(count)}
    assert environment.problem(environment.variables("sweep", Case(0, "0", parameters))) is None
