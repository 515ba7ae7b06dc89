"""The report page: one HTML file with the goals, the tables and the plots in it, readable without a network."""

import html

from bench.report import goals, plots, table
from bench.report.results import Row, Run

STYLE = """\
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem; color: #1f2328 }
table { border-collapse: collapse; margin: 1rem 0 } th, td { padding: .25rem .75rem; border-bottom: 1px solid #d1d9e0 }
th { text-align: left } td:not(:first-child) { text-align: right; font-variant-numeric: tabular-nums }
.plots { display: flex; flex-wrap: wrap; gap: 1rem } .plots svg { width: 24rem; height: auto }
.met { color: #1a7f37 } .not-met { color: #cf222e; font-weight: 600 } .none { color: #818b98 }
"""


def render(run: Run) -> str:
    """Render the page."""
    body = [
        "<h1>Benchmark</h1>",
        f"<p>{_escape(facts(run))}</p>",
        "<h2>Goals</h2>",
        _goals(run),
        *(f"<p class=not-met>{_escape(problem)}</p>" for problem in table.problems(run)),
        *(_row(run, row) for row in run.rows()),
    ]
    head = f"<meta charset=utf-8><title>Benchmark of the SimulationJob operator</title><style>{STYLE}</style>"
    return f"<!doctype html>\n<html lang=en><head>{head}</head><body>\n" + "\n".join(body) + "\n</body></html>\n"


def facts(run: Run) -> str:
    """Say where, when and with what a run was made."""
    machine = run.machine
    parts = [
        f"{run.started}, commit {run.commit}, `{run.command}`, repeats: {run.repeats}, {run.seconds / 60:.0f} minutes.",
        f"{machine.cores} cores ({machine.cpu}), {machine.memory_gib:g} GiB, Linux {machine.kernel},",
        f"load average {machine.load:g} before the start; everything on one machine.",
        ", ".join(f"{name} {version}" for name, version in run.versions.items()) + ".",
        *(
            f"Bare client at QPS {qps}: {create} requests at a time to create, {cancel} to delete."
            for qps, (create, cancel) in run.concurrency.items()
        ),
    ]
    return " ".join(parts)


def _goals(run: Run) -> str:
    lines = [["goal", "budget", "found", ""]]
    lines += [[one.what, one.budget, one.found, one.word] for one in goals.judge(run)]
    return _table(lines, {"met": "met", "NOT MET": "not-met", "not measured": "none"})


def _row(run: Run, row: Row) -> str:
    drawn = "".join([plots.live(run, row), plots.requests(run, row), plots.memory(run, row)])
    found = _table(table.lines(run, row), {})
    return f"<h2>{_escape(table.heading(row))}</h2>{found}<div class=plots>{drawn}</div>"


def _table(lines: list[list[str]], classes: dict[str, str]) -> str:
    head = "".join(f"<th>{_escape(cell)}</th>" for cell in lines[0])
    rows = ["".join(f"<td{_class(classes.get(cell))}>{_escape(cell)}</td>" for cell in line) for line in lines[1:]]
    return f"<table><tr>{head}</tr>{''.join(f'<tr>{row}</tr>' for row in rows)}</table>"


def _class(name: str | None) -> str:
    return f" class={name}" if name else ""


def _escape(text: str) -> str:
    return html.escape(text)
