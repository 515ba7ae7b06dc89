"""docs/benchmarks.md, rendered from a run's results: no measured figure in it was ever typed."""

from bench import plan
from bench.report import goals, page, table
from bench.report.results import Run

# So many repeats make a middle.
REPEATS = 3
INTRODUCTION = """\
<!-- Written by `make bench BENCH="--document build/bench/results.json"`; do not edit. -->
# Benchmarks

How long a sweep takes to start and to stop, measured on a real control plane with fake nodes (KWOK), beside references
in the same run. Times begin when the request is sent that asks for a sweep or its cancel, the bare client's with the
first of its requests, and end when an observer of its own saw the change on its watch; what a system says of
itself is only compared with them. Times of *simjob* and *bare* are this machine's: their ratio is what counts. Those of
*indexed* and *plain* at QPS 20 are made by that limit, and a faster machine would hardly change them.

How to read a cell: the middle of the repeats, in brackets the smallest and the largest where they differ; `x` is the
ratio of the middle to the bare client's, that of *the system says so* to the bare client's last live pod; `-` was not
measured or is not there. A goal that is a ratio compares middles, with the system that it names; any other is held
against the worst repeat.

* **signalled**: has a deletionTimestamp. **Live**: neither gone nor ended.
* **the system says so**: *simjob* and *plain* say CANCELLED in their status; *indexed* has the condition Suspended; of
  *indexed-delete* the Job is gone.
* **requests, memory, CPU time**: those of the system's own process; the controller manager's requests stand beside
  them. A request *for what is not there* is a lookup.
* **answer of /healthz**: how long the operator's event loop kept a probe waiting.
* **observer late**: how far its watch was behind the API server. More than half a second fails a trial.

The controller manager's requests per second are stated with each table. The scheduler is given so many that it is not
what is measured (`--kube-api-qps` in `tools/cluster/control/components.py`; upstream has 50).

* **simjob**: the operator of this repository, one replica, `--no-leader-election` except in *many-cancels*. As it is
  installed, the replica that works renews its Lease every few seconds besides.
* **bare**: a client without any state that POSTs the same Jobs and pods, and deletes the pods, then the Jobs.
* **indexed**: one native Indexed Job, stopped by `suspend: true`; **indexed-delete**: stopped by deleting it.
* **plain**: a short kopf operator as most people would write it (`tools/bench/systems/plain_operator.py`), which makes
  native Jobs.
"""


def render(run: Run) -> str:
    """Render the document."""
    blocks = [INTRODUCTION, f"## The run\n\n{page.facts(run)}\n", "## Goals\n", _goals(run)]
    found = table.problems(run)
    if found:
        blocks.append("## Trials that did not come to their end\n\n" + "\n".join(f"* {one}" for one in found) + "\n")
    what = {one.name: one.what for one in plan.SCENARIOS}
    headings = {row: table.heading(row) for row in run.rows()}
    tables = [
        f"## {_capital(one)}\n\n{_capital(what[row.scenario])}.\n\n{_table(table.lines(run, row))}"
        for row, one in headings.items()
    ]
    return "\n".join([*blocks, *tables])


def lacks(run: Run) -> str:
    """Say what a run lacks that its document would have; nothing if it has all."""
    unmeasured = [one.what for one in goals.judge(run) if one.met is None]
    checks = {
        "it was a quick one": run.quick,
        "it was interrupted": not run.complete,
        f"it had fewer than {REPEATS} repeats": run.repeats < REPEATS,
        "its tree was changed and not committed": run.commit.endswith("+"),
        f"it did not measure: {'; '.join(unmeasured)}": bool(unmeasured),
        "; ".join(table.problems(run)): bool(table.problems(run)),
    }
    return "; ".join(what for what, holds in checks.items() if holds)


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _goals(run: Run) -> str:
    lines = [["goal", "budget", "found", "verdict"]]
    return _table(lines + [[one.what, one.budget, one.found, one.word] for one in goals.judge(run)])


def _table(lines: list[list[str]]) -> str:
    head, *rows = ["| " + " | ".join(line) + " |" for line in lines]
    rule = "|---|" + "---:|" * (len(lines[0]) - 1)
    return "\n".join([head, rule, *rows, ""])
