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
Measure the operator on a real control plane with fake nodes (KWOK), beside references in the
same run: a bare client that makes the same objects, Kubernetes' own Indexed Job, and a plain
kopf operator. An observer of its own sees when pods exist, run, are told to stop and have
stopped; requests are counted from the API server's audit log. Nothing of what a system says
of itself is believed, except when it says that it is cancelled: that is compared."""
LEGEND = """
middle (smallest-largest) of the repeats; Nx: times the bare client's, which makes and deletes the same
objects without an operator; "the system says so" is compared with the bare client's last live pod.
signalled: has a deletionTimestamp; live: not gone and not ended. One repeat tells little."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; return the exit code."""
    # Whoever ends it so wants the cluster gone as well.
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
        print(f"interrupted: the cluster is removed; trials that had ended are in {wishes.folder}", file=sys.stderr)
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
        print(f"error: only a whole run makes a document: {found}", file=sys.stderr)
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
    parser.add_argument("--quick", action="store_true", default=quick, help="small sizes (QUICK=1)")
    parser.add_argument("--scenarios", metavar="A,B", default="", help="only these of the list below")
    parser.add_argument("--systems", metavar="A,B", default="", help=f"only these of {', '.join(plan.ALL)}")
    parser.add_argument("--sizes", metavar="A,B", type=_numbers, default=(), help="only those with so many cases")
    parser.add_argument("--repeats", type=int, metavar="N", help="how often each trial (3; quick: 1)")
    parser.add_argument(
        "--qps", metavar="A,B", type=_numbers, default=(plan.STOCK, plan.RAISED), help="the controller manager's"
    )
    parser.add_argument(
        "--state", type=Path, default=Path(".cluster-bench"), metavar="DIR", help="the cluster's folder"
    )
    parser.add_argument("--output", type=Path, default=Path("build/bench"), metavar="DIR", help="where results go")
    parser.add_argument(
        "--profile",
        action="store_true",
        help="draw flame graphs of the operator's creation and cancel; as root, and the figures suffer from it",
    )
    parser.add_argument(
        "--checkout",
        type=Path,
        default=ROOT,
        metavar="DIR",
        help="measure the operator and the manifests of another checkout of this repository, to compare commits",
    )
    parser.add_argument("--keep", action="store_true", help="leave the cluster up")
    parser.add_argument(
        "--document", type=Path, metavar="RESULTS", help=f"measure nothing: write {DOCUMENT} from these results"
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
        raise argparse.ArgumentTypeError(f"{given!r} is not a number, nor numbers with commas between") from None


def _chosen(parser: argparse.ArgumentParser, kind: str, given: str, known: Sequence[str]) -> tuple[str, ...]:
    chosen = tuple(filter(None, given.split(",")))
    if unknown := set(chosen) - set(known):
        parser.error(f"no such {kind}: {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    return chosen


if __name__ == "__main__":
    sys.exit(main())
