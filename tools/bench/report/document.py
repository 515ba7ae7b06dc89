"""Render docs/benchmarks.md from a run's results. It has no measured figure of its own."""

from bench import plan
from bench.report import goals, page, table
from bench.report.results import Run

# The number of repeats in a published run: a median needs three.
REPEATS = 3
INTRODUCTION = """\
<!-- Written by `make bench BENCH="--document build/bench/results.json"`; do not edit. -->
# Benchmarks

How long a sweep takes to start and to stop, measured on a real control plane with fake nodes (KWOK), together with
other systems in the same run. A time begins when the request for a sweep or its cancel is sent; for the bare client,
that is its first request. It ends when a separate observer sees the change on its watch. What a system says about
itself is only compared with that. The times of *simjob* and *bare* depend on this machine: their ratio is
what counts. The times of *indexed* and *plain* at QPS 20 follow from that limit, and a faster machine would hardly
change them.

How to read a cell: the median of the repeats, and in brackets the smallest and the largest if they differ. `x` is the
ratio of the median to the bare client's; for *the system says so*, to the bare client's last live pod. `-` means that
it was not measured, or does not exist. A goal that is a ratio compares the median with that of the system that it
names. Any other goal must hold in the worst repeat.

* **signalled**: has a deletionTimestamp. **Live**: neither gone nor ended.
* **the system says so**: the status of *simjob* and *plain* is CANCELLED, *indexed* has the condition Suspended, and
  the Job of *indexed-delete* is gone.
* **requests, memory, CPU time**: those of the system's own process. The controller manager's requests are listed beside
  them. A request *for what is not there* is a lookup.
* **answer of /healthz**: how long the operator's event loop kept a probe waiting.
* **observer late**: how far its watch was behind the API server. More than half a second fails a trial.

Each table states the controller manager's limit of requests per second. The scheduler's limit is too high to matter
(`--kube-api-qps` in `tools/cluster/control/components.py`; the default is 50).

* **simjob**: the operator of this repository, one replica, `--no-leader-election` except in *many-cancels*,
  *many-deletions* and *finished*. When users install it, the leading replica also renews its Lease every few seconds.
* **bare**: a client without any state. It creates the same Jobs and pods, and deletes the pods, then the Jobs.
* **indexed**: one native Indexed Job, stopped by `suspend: true`; **indexed-delete**: stopped by deleting it.
* **plain**: a short kopf operator as most people would write it (`tools/bench/systems/plain_operator.py`). It creates
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
