"""The goals, each held against the run's own figures: met, not met, or not measured."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.plan import RAISED, STOCK
from bench.report.results import Row, Run, Spread, measured, ratio
from bench.shape import Shape

Value = float | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """A goal and what became of it. `met` None: this run has not measured it."""

    what: str
    budget: str
    found: str
    met: bool | None

    @property
    def word(self) -> str:
        return {True: "met", False: "NOT MET", None: "not measured"}[self.met]


@dataclass(frozen=True, slots=True)
class Goal:
    """`value` finds the figure in a run; it is met if at most `limit`. `digits` is the number of printed decimals."""

    what: str
    value: Callable[[Run], Value]
    limit: float
    unit: str = ""
    digits: int = 2

    def judge(self, run: Run) -> Verdict:
        """Hold it against a run."""
        value = self.value(run)
        budget = f"≤ {self.limit:,.{2 if self.limit % 1 else 0}f}{self.unit}"
        if value is None:
            return Verdict(self.what, budget, "-", None)
        return Verdict(self.what, budget, f"{value:,.{self.digits}f}{self.unit}", value <= self.limit)


def _of_size(run: Run, scenario: str, qps: int, cases: int) -> Row | None:
    """Find the row of a scenario. A quick run has fewer cases: it measures no goal that names a size."""
    found = [row for row in run.rows() if row.scenario == scenario and row.qps == qps and row.shape.cases == cases]
    return found[0] if found else None


def _live(run: Run, at: tuple[int, int], system: str, measure: str) -> Spread | None:
    """Summarise a system's measure in `live`, for a number of cases and a QPS."""
    cases, qps = at
    row = _of_size(run, "live", qps, cases)
    return measured(run.of(row, system), measure) if row else None


def _times(at: tuple[int, int], measure: str, system: str, of: str = "") -> Callable[[Run], Value]:
    """Give the ratio of the operator's measure to another system's."""
    return lambda run: ratio(_live(run, at, "simjob", measure), _live(run, at, system, of or measure))


def _worst(scenario: str, measure: str, cases: int = 10_000) -> Callable[[Run], Value]:
    """Give the worst of the repeats: a budget holds always, not in the middle."""

    def value(run: Run) -> Value:
        row = _of_size(run, scenario, STOCK, cases)
        found = measured(run.of(row, "simjob"), measure) if row else None
        return found.high if found else None

    return value


def _anywhere(measure: str, of: Callable[[Shape], bool] = lambda _: True) -> Callable[[Run], Value]:
    """Give the operator's largest value in any trial of the run whose sweep is of this shape."""

    def value(run: Run) -> Value:
        found = measured((one for one in run.trials if one.system == "simjob" and of(one.shape)), measure)
        return found.high if found else None

    return value


def _ten_to_one(scenario: str, measure: str) -> Callable[[Run], Value]:
    """Give the ratio of ten sweeps that end at once to one that is as large as all of them and ends in the same way."""

    def value(run: Run) -> Value:
        ten, one = (Row(scenario, shape, STOCK) for shape in _ten_and_one(scenario))
        return ratio(measured(run.of(ten, "simjob"), measure), measured(run.of(one, "simjob"), measure))

    return value


def _ten_at_once(scenario: str, measure: str) -> Callable[[Run], Value]:
    """Give the worst of all trials in which ten sweeps end at once."""

    def value(run: Run) -> Value:
        ten, _ = _ten_and_one(scenario)
        found = measured(run.of(Row(scenario, ten, STOCK), "simjob"), measure)
        return found.high if found else None

    return value


def _ten_and_one(scenario: str) -> tuple[Shape, Shape]:
    deleted = scenario == "many-deletions"
    return Shape(cases=1000, sweeps=10, deleted=deleted), Shape(cases=10_000, deleted=deleted)


def _kept(measure: str) -> Callable[[Run], Value]:
    """Give the worst of all trials with a thousand finished sweeps."""

    def value(run: Run) -> Value:
        found = measured(run.of(Row("finished", Shape(cases=2000, sweeps=1000), STOCK), "simjob"), measure)
        return found.high if found else None

    return value


def _large(shape: Shape) -> bool:
    return (shape.cases, shape.at_once) == (10_000, 500)


def _against_bare(cases: int, qps: int) -> Sequence[Goal]:
    at, name = (cases, qps), f"{cases:,} cases, QPS {qps}"
    return (
        Goal(f"{name}: all running, to the bare client", _times(at, "all_running", "bare"), 1.25, "x"),
        Goal(f"{name}: all signalled, to the bare client", _times(at, "all_signalled", "bare"), 1.3, "x"),
        Goal(f"{name}: CANCELLED, to the bare client's end", _times(at, "said", "bare", "none_live"), 1.3, "x"),
    )


def _against_indexed(qps: int, limit: float) -> Goal:
    what = f"1,000 cases, QPS {qps}: all running, to the Indexed Job"
    return Goal(what, _times((1000, qps), "all_running", "indexed"), limit, "x")


def _at_once(scenario: str, ended: str) -> Sequence[Goal]:
    ten = f"ten sweeps of 1,000 {ended} at once"
    return (
        Goal(f"{ten}: no pod live, to one of 10,000", _ten_to_one(scenario, "none_live"), 1.3, "x"),
        Goal(f"{ten}: first signals apart", _ten_at_once(scenario, "first_apart"), 1, " s"),
        Goal(f"{ten}: answer of /healthz, worst", _ten_at_once(scenario, "lag_max_ms"), 1000, " ms", 0),
        Goal(f"{ten}: changes of the leader", _ten_at_once(scenario, "leader_changes"), 0, digits=0),
    )


GOALS: tuple[Goal, ...] = (
    *_against_bare(1000, STOCK),
    _against_indexed(STOCK, 0.2),
    *_against_bare(1000, RAISED),
    _against_indexed(RAISED, 1.0),
    *_against_bare(3000, STOCK),
    Goal("pods live when it said CANCELLED or made later, in any trial", _anywhere("live_when_said"), 0, digits=0),
    Goal("requests per case in all, 1,000 cases: created, cancelled", _worst("live", "all_per_case", 1000), 6.5),
    Goal("requests per case in all, 10,000 cases: created, run to the end", _worst("long", "all_per_case"), 6.5),
    Goal("cancel of 10,000 cases, 500 live: CANCELLED", _worst("middle", "said"), 10, " s"),
    Goal("cancel during another's 10,000 creates: first pod signalled", _worst("rival", "first_signalled"), 1, " s"),
    *_at_once("many-cancels", "cancelled"),
    Goal(
        "ten sweeps of 1,000 cancelled at once: CANCELLED, to one of 10,000",
        _ten_to_one("many-cancels", "said"),
        1.3,
        "x",
    ),
    *_at_once("many-deletions", "deleted"),
    Goal("memory at 10,000 cases, 500 live", _anywhere("peak_mib", _large), 200, " MiB", 0),
    Goal("status at 10,000 cases, 500 live", _anywhere("status_bytes", _large), 65_536, " bytes", 0),
    Goal("restart to caught up, 10,000 cases, 500 live", _worst("restart", "caught_up"), 5, " s"),
    Goal("memory with 1,000 finished sweeps of 2,000 cases", _kept("peak_mib"), 200, " MiB", 0),
    Goal("memory of a follower with as many", _kept("follower_mib"), 200, " MiB", 0),
    Goal("restart to caught up, 1,000 finished sweeps of 2,000 cases", _kept("caches_filled"), 10, " s"),
    Goal("writes in a minute in which nothing happens", _worst("idle", "writes"), 0, digits=0),
)


def judge(run: Run) -> list[Verdict]:
    """Hold every goal against the run."""
    return [goal.judge(run) for goal in GOALS]
