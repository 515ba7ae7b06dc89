"""What the tests said on each version of Kubernetes, kept from run to run in results.json."""

from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

from pydantic import BaseModel

from compatibility.selection import ROWS, row_of

FILE: Final = Path(__file__).with_name("results.json")


class Outcome(BaseModel, frozen=True):
    """How many tests of a row passed and failed, and how many were skipped for which reason."""

    passed: int = 0
    failed: int = 0
    skipped: dict[str, int] = {}

    @property
    def is_good(self) -> bool:
        """Whether nothing failed, and there was something to fail."""
        return self.failed == 0 and bool(self.passed or self.skipped)


class Run(BaseModel, frozen=True):
    """One run of all rows on one version."""

    kubernetes: str
    day: date
    rows: dict[str, Outcome]

    def with_rows(self, rows: Iterable[str], again: "Run") -> "Run":
        """Return this run with some rows of another one. The day stays: it is the day of the oldest result."""
        return self.model_copy(update={"rows": {**self.rows, **{row: again.rows[row] for row in rows}}})

    @property
    def is_good(self) -> bool:
        return all(outcome.is_good for outcome in self.rows.values())


class Results(BaseModel, frozen=True):
    """The last run on each minor version."""

    runs: dict[str, Run] = {}

    def with_run(self, minor: str, run: Run) -> "Results":
        """Return the results with another run in place of the minor's last one."""
        return Results(runs={**self.runs, minor: run})


def load(file: Path = FILE) -> Results:
    """Read the results. Runs of other rows than those of today are left out: they count as not run."""
    if not file.exists():
        return Results()
    found = Results.model_validate_json(file.read_text())
    return Results(runs={minor: run for minor, run in found.runs.items() if set(run.rows) == set(ROWS)})


def save(results: Results, file: Path = FILE) -> None:
    """Write the results, in the order of the versions."""
    ordered = Results(runs=dict(sorted(results.runs.items())))
    file.write_text(ordered.model_dump_json(indent=2) + "\n")


def read_report(report: Path) -> dict[str, Outcome]:
    """Count the outcomes of each row in a report that pytest wrote as JUnit XML."""
    rows = dict.fromkeys(ROWS, Outcome())
    for case in ET.parse(report).iter("testcase"):  # noqa: S314 - our own pytest wrote it
        row = row_of(case.get("classname", ""))
        if row is not None:
            rows[row] = _counted(rows[row], case)
    return rows


def _counted(outcome: Outcome, case: ET.Element) -> Outcome:
    skipped = case.find("skipped")
    if case.find("failure") is not None or case.find("error") is not None:
        return outcome.model_copy(update={"failed": outcome.failed + 1})
    if skipped is not None:
        reason = skipped.get("message", "")
        return outcome.model_copy(update={"skipped": {**outcome.skipped, reason: outcome.skipped.get(reason, 0) + 1}})
    return outcome.model_copy(update={"passed": outcome.passed + 1})
