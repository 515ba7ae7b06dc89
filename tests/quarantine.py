"""Tests that fail sometimes, by name, and how a run treats them.

A test in quarantine runs, and its failure does not fail the run. After 14 days the run fails until somebody fixes the
test or deletes it. No test is run twice to make it pass.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import pytest

LONGEST: Final = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Quarantined:
    """Since when a test may fail, and why."""

    since: date
    reason: str


# By node id without parameters: "tests/e2e/cancel/test_cancel.py::test_name".
QUARANTINE: Final[Mapping[str, Quarantined]] = {}


def apply(items: Iterable[pytest.Item], listed: Mapping[str, Quarantined], today: date) -> None:
    """Let the listed tests fail; one that has been listed for too long fails the run whether it passes or not."""
    for item in items:
        name = item.nodeid.partition("[")[0]
        if found := listed.get(name):
            item.add_marker(pytest.mark.xfail(reason=found.reason, strict=False))
    overdue = [f"{name} (since {found.since})" for name, found in listed.items() if today - found.since > LONGEST]
    if overdue:
        raise pytest.UsageError(
            f"in quarantine for more than {LONGEST.days} days: {', '.join(overdue)}; mend the test or delete it"
        )
