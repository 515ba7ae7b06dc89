"""Wait for a condition, and report the last state if it does not become true."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PAUSE_SECONDS = 0.1


def until(check: Callable[[], T | None], seconds: float, failure: Callable[[], str]) -> T:
    """Ask again and again for a value that is true; AssertionError with the text of `failure` after `seconds`."""
    limit = time.monotonic() + seconds
    while not (found := check()):
        assert time.monotonic() < limit, f"not within {seconds:g} s: {failure()}"
        time.sleep(PAUSE_SECONDS)
    return found
