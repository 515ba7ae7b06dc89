from datetime import UTC, datetime

import pytest
from simjob.core.facts import annotations


def test_a_time_with_a_zone_is_read() -> None:
    assert annotations.time("2026-01-02T03:05:09Z") == datetime(2026, 1, 2, 3, 5, 9, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "soon", "2026-01-02T03:05:09"])
def test_text_that_is_no_time_or_has_no_zone_is_ignored(text: str) -> None:
    assert annotations.time(text) is None


@pytest.mark.parametrize("text", ["", "x", "-1", "1.5", "\u0661", "1234567890"])
def test_text_that_is_no_short_decimal_number_is_ignored(text: str) -> None:
    assert annotations.number(text) is None
