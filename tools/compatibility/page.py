"""The table in docs/compatibility.md, made from the results."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from cluster import versions

from compatibility.results import Outcome, Results, Run
from compatibility.selection import ROWS

PAGE: Final = Path(__file__).parents[2] / "docs" / "compatibility.md"
NOT_RUN: Final = "not run"
_BEGIN: Final = "<!-- The table is written by `make test-versions` -->\n"
_END: Final = "<!-- until here -->\n"


def render(results: Results, page: Path = PAGE) -> str:
    """Return the page, with what was written by hand and the table as it is now."""
    before, begin, rest = page.read_text().partition(_BEGIN)
    _, end, after = rest.partition(_END)
    return f"{before}{begin}\n{table(results)}\n{end}{after}"


def table(results: Results) -> str:
    """Return the table: a column for each version, a row for each group of tests."""
    runs = [results.runs.get(minor) for minor in versions.PATCHES]
    lines = [
        _line("", (version.removeprefix("v") for version in versions.PATCHES.values())),
        _line("---", ("---" for _ in runs)),
        *(_line(row, (_cell(run, row) for run in runs)) for row in ROWS),
        _line("Tested on", (NOT_RUN if run is None else _tested(run, minor) for minor, run in _by_minor(runs))),
    ]
    return "".join(f"{line}\n" for line in lines)


def _by_minor(runs: Iterable[Run | None]) -> Iterable[tuple[str, Run | None]]:
    return zip(versions.PATCHES, runs, strict=True)


def _tested(run: Run, minor: str) -> str:
    """Return the day, and the version if it was another patch than the one that is tested now."""
    other = "" if run.kubernetes == versions.PATCHES[minor] else f", {run.kubernetes.removeprefix('v')}"
    return f"{run.day.isoformat()}{other}"


def _cell(run: Run | None, row: str) -> str:
    return NOT_RUN if run is None else _words(run.rows[row])


def _words(outcome: Outcome) -> str:
    skipped = "; ".join(f"{count} {reason}" for reason, count in outcome.skipped.items())
    if outcome.failed:
        return f"**{outcome.failed} failed**, {outcome.passed} passed"
    if outcome.passed:
        return f"{outcome.passed} passed" + (f"; {skipped}" if skipped else "")
    return ", ".join(outcome.skipped) or "**no result**"


def _line(first: str, cells: Iterable[str]) -> str:
    return f"| {' | '.join((first, *cells))} |"
