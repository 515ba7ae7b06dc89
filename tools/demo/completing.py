"""The demo's second half: a small sweep runs to its end, and its results are compared with the formula."""

import json
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

from cluster.errors import ClusterError

from demo.progress import Progress
from demo.sweep import Sweep

# ngspice is asked for 100 points a decade; interpolating between them costs a few millionths.
TOLERANCE = 0.001
PATIENCE = 120.0


@dataclass(frozen=True, slots=True)
class Result:
    """One case: its parameters, and what ngspice found."""

    r: float
    c: float
    f3db: float

    @property
    def expected(self) -> float:
        """The cut-off frequency of an ideal RC filter."""
        return 1 / (2 * math.pi * self.r * self.c)

    @property
    def error(self) -> float:
        """How far off ngspice is, of the expected value."""
        return self.f3db / self.expected - 1


def run(sweep: Sweep) -> None:
    """See the sweep to its end; ClusterError if that is not COMPLETED."""
    progress, limit = Progress(), time.monotonic() + PATIENCE
    while True:
        status = sweep.status()
        progress.show(status)
        if status.get("isTerminal"):
            break
        if time.monotonic() > limit:
            raise ClusterError(f"the sweep is not at its end after {PATIENCE:.0f} s: {progress.last}")
        time.sleep(0.25)
    progress.end()
    if status["phase"] != "COMPLETED":
        raise ClusterError(f"the sweep ended {status['phase']}, not COMPLETED: {status.get('message')}")


def results(messages: Sequence[str]) -> list[Result]:
    """Read termination messages; ClusterError if one is not a result."""
    try:
        found = [Result(**json.loads(message)) for message in messages]
    except (ValueError, TypeError) as error:
        raise ClusterError(f"a case left no result in its termination message: {error}") from error
    return sorted(found, key=lambda result: (result.r, result.c))


def table(found: Sequence[Result]) -> str:
    """Write a line for each case."""
    lines = [f"          {'R / ohm':>8}{'C / nF':>9}{'1/(2πRC) / Hz':>16}{'ngspice / Hz':>16}{'error':>11}"]
    lines += [
        f"          {case.r:>8g}{case.c * 1e9:>9g}{case.expected:>16,.2f}{case.f3db:>16,.2f}{case.error:>+11.4%}"
        for case in found
    ]
    return "\n".join(lines)


def complaints(found: Sequence[Result], total: int) -> list[str]:
    """Name what is not as it must be; nothing is the good answer."""
    wrong = [] if len(found) == total else [f"{len(found)} results of {total} cases"]
    far = [f"R={case.r:g} C={case.c:g} is off by {case.error:+.2%}" for case in found if abs(case.error) > TOLERANCE]
    return wrong + far
