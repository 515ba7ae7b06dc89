"""Run as `python -m compatibility`: plays the selection on each version of Kubernetes, and writes the table."""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from cluster import versions
from cluster.errors import ClusterError
from cluster.report import tell

from compatibility import page, results
from compatibility.results import Run
from compatibility.selection import ROWS, paths

REPORTS: Final = Path("build/compatibility")
# What pytest returns when it ran all tests: all passed, or some failed.
_COMPLETE: Final = (0, 1)


def main(arguments: list[str] | None = None) -> int:
    """Play the selection on the versions that are asked for; return 0 if everything passed on all of them."""
    parser = argparse.ArgumentParser(
        prog="python -m compatibility",
        description="Run the same integration tests on several versions of Kubernetes, one after the other, and write "
        "the results into docs/compatibility.md. Versions that are not named keep the results of their last run.",
    )
    parser.add_argument("versions", nargs="*", metavar="MINOR", help=f"default: {' '.join(versions.PATCHES)}")
    parser.add_argument("--processes", metavar="N", default="2", help="clusters side by side (%(default)s)")
    parser.add_argument(
        "--row",
        action="append",
        choices=ROWS,
        metavar="ROW",
        help="run this row again, and keep the others of the last run; may be repeated",
    )
    asked = parser.parse_args(arguments)
    try:
        wanted = [versions.parse(text) for text in asked.versions] or list(versions.PATCHES.values())
    except ClusterError as error:
        tell(error)
        return 1
    if asked.row and (without := [version for version in wanted if _last(version) is None]):
        tell(ClusterError(f"no run on {', '.join(without)} is kept, so its rows cannot be run again: leave out --row"))
        return 1
    ended = [_announced(version, asked.processes, asked.row or ()) for version in wanted]
    print("\n".join(words for _, words in ended), flush=True)
    return 0 if all(passed for passed, _ in ended) else 1


def _minor(version: str) -> str:
    return next(minor for minor, patch in versions.PATCHES.items() if patch == version)


def _last(version: str) -> Run | None:
    """Return the run on this very patch that is kept."""
    run = results.load().runs.get(_minor(version))
    return run if run is not None and run.kubernetes == version else None


def _announced(version: str, processes: str, again: Sequence[str]) -> tuple[bool, str]:
    print(f"=== Kubernetes {version}", flush=True)
    started = time.monotonic()
    run = play(version, processes, again or tuple(ROWS))
    last = _last(version) if again else None
    if run is not None and last is not None:
        run = last.with_rows(again, run)
    if run is not None:
        known = results.load().with_run(_minor(version), run)
        results.save(known)
        page.PAGE.write_text(page.render(known))
    passed = run is not None and run.is_good
    verdict = "NOT RUN" if run is None else "passed" if passed else "FAILED"
    words = f"{version:<10} {verdict} after {time.monotonic() - started:.0f} s"
    print(f"=== {words}", flush=True)
    return passed, words


def play(version: str, processes: str, rows: Iterable[str]) -> Run | None:
    """Run these rows on one version; None if its programs cannot be had, or pytest did not complete."""
    environment = {**os.environ, versions.VARIABLE: version}
    # What pytest would do on its own, in silence.
    built = subprocess.run([sys.executable, "-m", "cluster", "build", "kwok"], env=environment, check=False)
    if built.returncode != 0:
        return None
    report = REPORTS / f"{version}.xml"
    report.parent.mkdir(parents=True, exist_ok=True)
    report.unlink(missing_ok=True)
    options = ["-q", "-m", "integration", f"--numprocesses={processes}", "--dist=loadscope", f"--junitxml={report}"]
    done = subprocess.run([sys.executable, "-m", "pytest", *options, *paths(rows)], env=environment, check=False)
    if done.returncode not in _COMPLETE:
        return None
    return Run(kubernetes=version, day=datetime.now(UTC).date(), rows=results.read_report(report))


if __name__ == "__main__":
    raise SystemExit(main())
