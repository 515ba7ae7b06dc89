"""docs/benchmarks.md, rendered from a run's results: figures in it were never typed."""

from bench import goals, page, table
from bench.results import Run

INTRODUCTION = """\
<!-- Written by `python -m bench --document RESULTS.json`; do not edit. -->
# Benchmarks

How long a sweep takes to start and to stop, measured on a real control plane with fake nodes (KWOK), beside references
in the same run. All times are those at which an observer of its own saw the change on its watch; what a system says of
itself is only compared with them. Absolute times are this machine's: the ratios are what counts. In brackets, the
smallest and the largest of the repeats; `x` is the ratio to the bare client, that of *the system says so* to the bare
client's last live pod.

The controller manager's requests per second are stated with each table. The scheduler has 1,000 in all of them, not
upstream's 50: it would be what is measured otherwise.

* **simjob**: the operator of this repository, one replica.
* **bare**: a client without any state that POSTs the same Jobs and pods, and deletes the pods, then the Jobs.
* **indexed**: one native Indexed Job, stopped by `suspend: true`; **indexed-delete**: stopped by deleting it.
* **plain**: a kopf operator of some sixty lines (`tests/bench/systems/plain_operator.py`) that makes native Jobs.
"""


def render(run: Run) -> str:
    """Render the document."""
    blocks = [INTRODUCTION, f"## The run\n\n{page.facts(run)}\n", "## Goals\n", _goals(run)]
    found = table.problems(run)
    if found:
        blocks.append("## Trials that did not come to their end\n\n" + "\n".join(f"* {one}" for one in found) + "\n")
    headings = {row: table.heading(row) for row in run.rows()}
    tables = [f"## {one[0].upper()}{one[1:]}\n\n{_table(table.lines(run, row))}" for row, one in headings.items()]
    return "\n".join([*blocks, *tables])


def _goals(run: Run) -> str:
    lines = [["goal", "budget", "found", "verdict"]]
    return _table(lines + [[one.what, one.budget, one.found, one.word] for one in goals.judge(run)])


def _table(lines: list[list[str]]) -> str:
    head, *rows = ["| " + " | ".join(line) + " |" for line in lines]
    rule = "|---|" + "---:|" * (len(lines[0]) - 1)
    return "\n".join([head, rule, *rows, ""])
