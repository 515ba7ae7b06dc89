"""Finds the -3 dB frequency of an RC low-pass filter with ngspice: one case of a sweep.

Reads   PARAM_R         ohms
        PARAM_C         farads
        PARAM_SECONDS   optional: the least time a case takes. What ngspice leaves of it is slept, so that
                        many long cases fit on a small machine.
Writes  one line of JSON to standard output, and to /dev/termination-log, where Kubernetes picks it up:
        {"r": 1000.0, "c": 1e-07, "f3db": 1591.6}
Stops   on SIGTERM within moments, with exit code 143 and a line that says so.
"""

import itertools
import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

TERMINATION_LOG = Path(os.environ.get("TERMINATION_LOG", "/dev/termination-log"))
HALF_POWER_DB = 10 * math.log10(0.5)  # "-3 dB" is -3.0103 dB

NETLIST = """RC low-pass
V1 in 0 AC 1
R1 in out {r!r}
C1 out 0 {c!r}
.ac dec 100 1m 10g
.print ac vdb(out)
.end
"""


def simulate(r: float, c: float) -> list[tuple[float, float]]:
    """Run an AC analysis in ngspice; return frequencies in Hz with the output in dB."""
    finished = subprocess.run(
        ["/usr/bin/ngspice", "-b"], input=NETLIST.format(r=r, c=c), capture_output=True, text=True, check=False
    )
    points = read_table(finished.stdout)
    if finished.returncode != 0 or not points:
        sys.exit(f"ngspice exited with {finished.returncode}:\n{finished.stdout}{finished.stderr}")
    return points


def read_table(output: str) -> list[tuple[float, float]]:
    """Read the rows `index frequency value` that .print writes; headings and page breaks are left out."""
    points = []
    for line in output.splitlines():
        words = line.split()
        if len(words) == 3 and words[0].isdigit():
            points.append((float(words[1]), float(words[2])))
    return points


def crossing(points: list[tuple[float, float]], level: float) -> float:
    """Return the frequency at which the response falls through `level`: linear in dB over the logarithm of f."""
    for (f1, db1), (f2, db2) in itertools.pairwise(points):
        if db1 >= level > db2:
            share = (level - db1) / (db2 - db1)
            return f1 * math.pow(f2 / f1, share)
    sys.exit(f"the response does not fall through {level:.2f} dB between {points[0][0]} and {points[-1][0]} Hz")


def stop(signum: int, frame: object) -> None:
    """Say that the case was stopped, and end at once; a running ngspice ends with the container."""
    os.write(1, b"rc-filter: stopped by SIGTERM\n")
    os._exit(128 + signum)


def main() -> None:
    """Run the case that the environment describes."""
    signal.signal(signal.SIGTERM, stop)
    started = time.monotonic()
    r, c = float(os.environ["PARAM_R"]), float(os.environ["PARAM_C"])
    result = json.dumps({"r": r, "c": c, "f3db": crossing(simulate(r, c), HALF_POWER_DB)})
    left = float(os.environ.get("PARAM_SECONDS", "0")) - (time.monotonic() - started)
    time.sleep(max(0.0, left))
    sys.stdout.write(result + "\n")
    TERMINATION_LOG.write_text(result + "\n")


if __name__ == "__main__":
    main()
