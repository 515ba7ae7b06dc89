"""Results as a table of plain text: a block for each row of the plan, a line for each measure, a column a system."""

from bench.report import goals
from bench.report.measures import MEANINGS, Meaning
from bench.report.results import Row, Run, Spread, Trial, measured, per_case, ratio, spread
from bench.shape import Shape

REFERENCE = "bare"
# What was asked is counted per case where all of a case's life was seen.
MEASURED = "requests_per_case"
# Ratios of these to the bare client mean something.
COMPARED = frozenset({"all_created", "all_running", "first_signalled", "all_signalled", "none_live", "said"})


def heading(row: Row) -> str:
    """Say in a line what a row is."""
    return f"{row.scenario}: {describe(row.shape)}; controller manager at QPS {row.qps}"


def describe(shape: Shape) -> str:
    """Say in words what a shape is."""
    many = f"{shape.sweeps} sweeps of " if shape.sweeps > 1 else ""
    at_once = f", {shape.at_once:,} at once" if shape.at_once < shape.cases else ""
    life = "until deleted" if shape.run is None else f"{shape.run:g} s"
    stop = "at once" if shape.stop is None else f"in {shape.stop:g} s"
    fails = ", one in ten fails" if shape.fails else ""
    deleted = "; deleted, not cancelled" if shape.deleted else ""
    return f"{many}{shape.cases:,} cases{at_once}; pods run {life}, stop {stop}{fails}{deleted}"


def number(value: float, meaning: Meaning) -> str:
    """Write a figure as its meaning asks for."""
    return f"{value:,.{meaning.digits}f}"


def cell(found: Spread | None, meaning: Meaning, times: float | None) -> str:
    """Write the middle, the range if there is one, and the ratio."""
    if found is None:
        return "-"
    text = number(found.middle, meaning)
    low, high = number(found.low, meaning), number(found.high, meaning)
    if low != high:
        text += f" ({low}-{high})"
    return text if times is None else f"{text} {times:.2f}x"


def lines(run: Run, row: Row) -> list[list[str]]:
    """Give a row's table: the first line holds the systems, the first column the measures."""
    systems = run.systems(row)
    found = [["", *systems]]
    for name, meaning in MEANINGS.items():
        spreads = {system: measured(run.of(row, system), name) for system in systems}
        if not any(spreads.values()):
            continue
        unit = f" [{meaning.unit}]" if meaning.unit else ""
        reference = measured(run.of(row, REFERENCE), "none_live" if name == "said" else name)
        cells = [
            cell(
                spreads[system],
                meaning,
                ratio(spreads[system], reference) if name in COMPARED and system != REFERENCE else None,
            )
            for system in systems
        ]
        found.append([meaning.label + unit, *cells])
        if name == "all_per_case":
            found += _asked(run, row, systems)
    return found


def _asked(run: Run, row: Row, systems: list[str]) -> list[list[str]]:
    """Give a line for each verb: how often it was asked for, per case, where that is measured."""
    trials = {system: [one for one in run.of(row, system) if MEASURED in one.measures] for system in systems}
    asked = {system: [per_case(trial) for trial in trials[system]] for system in systems}
    meaning = MEANINGS[MEASURED]
    # Once in a trial is nothing per case.
    least = 0.5 * 10**-meaning.digits
    parts = [part for found in asked.values() for part in found]
    verbs = sorted({verb for part in parts for verb, number in part.items() if number >= least})
    return [
        [_label(verb), *(cell(spread([part.get(verb, 0.0) for part in asked[one]]), meaning, None) for one in systems)]
        for verb in verbs
    ]


def _label(asked: str) -> str:
    who, _, verb = asked.rpartition(": ")
    return f"{MEANINGS['kcm_per_case' if who else MEASURED].label}: {verb}"


def problems(run: Run) -> list[str]:
    """Name the trials that did not come to their end, and those in which the operator did not say the truth."""
    return [
        f"{heading(trial.row)}: {trial.system}, repeat {trial.repeat + 1}: {problem}"
        for trial in run.trials
        if (problem := trial.problem or _untruth(trial))
    ]


def _untruth(trial: Trial) -> str:
    live = trial.measures.get("live_when_said", 0) if trial.system == "simjob" else 0
    return f"it said CANCELLED, and {live:g} pods lived then or were made later" if live else ""


def text(run: Run) -> str:
    """Render the whole run. `x` is the ratio to the bare client; that of `said` is to its last live pod."""
    return "\n".join(f"\n{heading(row)}\n{aligned(lines(run, row))}" for row in run.rows())


def verdicts(run: Run) -> str:
    """Render the goals that the run has measured; most of them name a size."""
    judged = goals.judge(run)
    known = [one for one in judged if one.met is not None]
    head = [["goal", "budget", "found", ""]]
    found = aligned(head + [[one.what, one.budget, one.found, one.word] for one in known])
    left = len(judged) - len(known)
    return (
        f"{found}\n  {left} goals need other scenarios, systems or sizes: `make bench` measures all" if left else found
    )


def aligned(found: list[list[str]]) -> str:
    """Put cells under each other: the first column to the left, the others to the right."""
    widths = [max(len(line[column]) for line in found) for column in range(len(found[0]))]
    return "\n".join(
        "  " + "  ".join([line[0].ljust(widths[0]), *(cell.rjust(widths[at]) for at, cell in enumerate(line) if at)])
        for line in found
    )
