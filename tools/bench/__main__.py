"""The command line: `python -m bench`; `make bench` runs it."""

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from cluster.errors import ClusterError

from bench import driver, plan
from bench.children import ROOT
from bench.driver import Wishes
from bench.errors import BenchError
from bench.report import document, page, table
from bench.report.results import Run

DOCUMENT = Path("docs/benchmarks.md")
DESCRIPTION = """\
Measure the operator on a real control plane with fake nodes (KWOK), next to references in the
same run: a bare client that creates the same objects, Kubernetes' own Indexed Job, and a plain
kopf operator. A separate observer records when pods exist, run, get a deletion and have
stopped. Requests are counted from the API server's audit log. What a system reports about
itself is not used, except the time at which it reports CANCELLED, which is compared."""
LEGEND = """
median (minimum-maximum) of the repeats; Nx: N times the bare client's figure, which creates and deletes the
same objects without an operator; "the system says so" is compared with the bare client's last live pod.
signalled: has a deletionTimestamp; live: exists and has not ended. One repeat is not enough to judge by."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; return the exit code."""
    # SIGTERM removes the cluster, like Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    given = sys.argv[1:] if arguments is None else list(arguments)
    parser = _parser()
    parsed = parser.parse_args(given)
    wishes = _wishes(parser, parsed, given)
    try:
        if parsed.document:
            return _document(driver.read(parsed.document))
        made = driver.run(wishes)
    except (BenchError, ClusterError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(
            f"interrupted: the cluster is removed; results of finished trials are in {wishes.folder}", file=sys.stderr
        )
        return 130
    report = wishes.folder / "report.html"
    report.write_text(page.render(made))
    print(LEGEND)
    print(f"{table.text(made)}\n\ngoals\n{table.verdicts(made)}\n\n{report}, {wishes.folder / 'results.json'}")
    for problem in table.problems(made):
        print(f"PROBLEM  {problem}")
    return 1 if table.problems(made) else 0


def _document(made: Run) -> int:
    if found := document.lacks(made):
        print(f"error: cannot write {DOCUMENT} from an incomplete run: {found}", file=sys.stderr)
        return 1
    DOCUMENT.write_text(document.render(made))
    print(f"wrote {DOCUMENT}")
    return 0


def _parser() -> argparse.ArgumentParser:
    quick = bool(os.environ.get("QUICK"))
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description=DESCRIPTION,
        epilog="scenarios:\n" + "\n".join(f"  {one.name:<12} {one.what}" for one in plan.SCENARIOS),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", default=quick, help="small sizes, one repeat (or QUICK=1)")
    parser.add_argument("--scenarios", metavar="A,B", default="", help="run only these scenarios (listed below)")
    parser.add_argument("--systems", metavar="A,B", default="", help=f"run only these systems: {', '.join(plan.ALL)}")
    parser.add_argument("--sizes", metavar="A,B", type=_numbers, default=(), help="run only these numbers of cases")
    parser.add_argument("--repeats", type=int, metavar="N", help="repeats of each trial (default 3; quick: 1)")
    parser.add_argument(
        "--qps",
        metavar="A,B",
        type=_numbers,
        default=(plan.STOCK, plan.RAISED),
        help="requests per second of the controller manager",
    )
    parser.add_argument(
        "--state", type=Path, default=Path(".cluster-bench"), metavar="DIR", help="folder of the cluster"
    )
    parser.add_argument("--output", type=Path, default=Path("build/bench"), metavar="DIR", help="folder for results")
    parser.add_argument(
        "--profile",
        action="store_true",
        help="record flame graphs of creation and cancel; needs root, and distorts the figures",
    )
    parser.add_argument(
        "--checkout",
        type=Path,
        default=ROOT,
        metavar="DIR",
        help="measure the operator and manifests of another checkout of this repository",
    )
    parser.add_argument("--keep", action="store_true", help="keep the cluster afterwards")
    parser.add_argument(
        "--document", type=Path, metavar="RESULTS", help=f"write {DOCUMENT} from these results and measure nothing"
    )
    return parser


def _wishes(parser: argparse.ArgumentParser, parsed: argparse.Namespace, arguments: list[str]) -> Wishes:
    systems = _chosen(parser, "system", parsed.systems, plan.ALL)
    scenarios = _chosen(parser, "scenario", parsed.scenarios, plan.names())
    command = " ".join(["python -m bench", *arguments])
    return Wishes(
        scenarios=tuple(one for one in plan.SCENARIOS if not scenarios or one.name in scenarios),
        systems=systems,
        sizes=parsed.sizes,
        qps=parsed.qps,
        repeats=parsed.repeats or (1 if parsed.quick else 3),
        quick=parsed.quick,
        state=parsed.state,
        folder=parsed.output,
        keep=parsed.keep,
        profile=parsed.profile,
        checkout=parsed.checkout.resolve(),
        command=command if arguments else f"make bench{' QUICK=1' if parsed.quick else ''}",
    )


def _numbers(given: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in given.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{given!r} must be numbers separated by commas") from None


def _chosen(parser: argparse.ArgumentParser, kind: str, given: str, known: Sequence[str]) -> tuple[str, ...]:
    chosen = tuple(filter(None, given.split(",")))
    if unknown := set(chosen) - set(known):
        parser.error(f"unknown {kind}: {', '.join(sorted(unknown))}; choose from {', '.join(known)}")
    return chosen


if __name__ == "__main__":
    sys.exit(main())
