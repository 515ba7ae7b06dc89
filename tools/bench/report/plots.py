"""The report's plots, as SVG: live pods over time, requests per case, memory over time."""

import io
from collections.abc import Sequence

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.report.results import Row, Run, Trial, per_case

COLOURS = {
    "simjob": "#1f6feb",
    "bare": "#57606a",
    "indexed": "#bf8700",
    "indexed-delete": "#d4a72c",
    "plain": "#cf222e",
}
# Text stays text, so that the page is small and can be searched; the same input gives the same file.
mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "bench", "font.size": 9})


def live(run: Run, row: Row) -> str:
    """Draw the live pods of each system's first good repeat on one axis."""
    figure, axes = _figure("live pods", "seconds since the sweep was asked for")
    for trial in _first(run, row):
        if trial.live:
            seconds, pods = zip(*trial.live, strict=True)
            axes.step(seconds, pods, where="post", label=trial.system, color=COLOURS[trial.system])
    return _svg(figure, axes)


def memory(run: Run, row: Row) -> str:
    """Draw the memory of each system's process; those without one have no line."""
    figure, axes = _figure("resident MiB", "seconds since the sweep was asked for")
    for trial in _first(run, row):
        if trial.memory:
            seconds, size = zip(*trial.memory, strict=True)
            axes.plot(seconds, size, label=trial.system, color=COLOURS[trial.system])
    axes.set_ylim(bottom=0)
    return _svg(figure, axes)


def requests(run: Run, row: Row) -> str:
    """Draw the requests per case as bars: what a system asked itself, by verb, and the controller manager's."""
    figure, axes = _figure("requests per case", "")
    trials = _first(run, row)
    parts = {trial.system: per_case(trial) for trial in trials}
    for verb in sorted({verb for part in parts.values() for verb in part}):
        heights = [part.get(verb, 0.0) for part in parts.values()]
        below = [sum(n for name, n in part.items() if name < verb) for part in parts.values()]
        axes.bar(list(parts), heights, bottom=below, label=verb, width=0.6)
    return _svg(figure, axes)


def _first(run: Run, row: Row) -> Sequence[Trial]:
    found = []
    for system in run.systems(row):
        good = [trial for trial in run.of(row, system) if not trial.problem]
        found.extend(good[:1])
    return found


def _figure(up: str, along: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(6.4, 3.2), layout="constrained")
    axes = figure.subplots()
    axes.set_ylabel(up)
    axes.set_xlabel(along)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", alpha=0.3)
    return figure, axes


def _svg(figure: Figure, axes: Axes) -> str:
    if axes.get_legend_handles_labels()[0]:
        axes.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
    out = io.StringIO()
    figure.savefig(out, format="svg", metadata={"Date": None})
    # What comes before is the prologue of a file of its own.
    text = out.getvalue()
    return text[text.index("<svg") :]
