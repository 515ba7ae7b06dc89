"""A run's results as they are kept: `build/bench/results.json`. Everything that is printed is rendered from them."""

from collections.abc import Iterable, Sequence
from statistics import median

import msgspec

from bench.observing.audit import CONTROLLER_MANAGER
from bench.shape import Shape

# By which name the audit log knows a system.
OWN = {"simjob": "operator", "bare": "bare", "indexed": "", "indexed-delete": "", "plain": "plain"}


class RequestCount(msgspec.Struct, frozen=True):
    """How often somebody asked the API server for something, in a trial."""

    who: str
    agent: str
    verb: str
    resource: str
    refused: bool
    number: int


class Trial(msgspec.Struct, kw_only=True):
    """One system in one scenario, once. Series are (seconds since the start, value)."""

    scenario: str
    system: str
    shape: Shape
    qps: int
    repeat: int
    measures: dict[str, float] = {}
    requests: list[RequestCount] = []
    live: list[tuple[float, int]] = []
    memory: list[tuple[float, float]] = []
    problem: str = ""

    @property
    def name(self) -> str:
        """What its files are called."""
        shape = f"{self.shape.cases}{'-deleted' if self.shape.deleted else ''}"
        return f"{self.scenario}-{shape}-qps{self.qps}-{self.system}-{self.repeat + 1}"

    @property
    def row(self) -> "Row":
        """What is compared with each other: the same scenario, shape and controller manager."""
        return Row(self.scenario, self.shape, self.qps)


class Row(msgspec.Struct, frozen=True):
    """A line of the plan, whose systems are compared."""

    scenario: str
    shape: Shape
    qps: int


class Machine(msgspec.Struct, frozen=True):
    """Where the run was made. `load` is the load average of the minute before it began."""

    cpu: str
    cores: int
    memory_gib: float
    kernel: str
    load: float


class Run(msgspec.Struct, kw_only=True):
    """A run. `concurrency` is the bare client's, by QPS: for creating and for deleting.

    `complete`: it was not interrupted.
    """

    started: str
    seconds: float = 0.0
    command: str
    commit: str
    quick: bool
    complete: bool = False
    repeats: int
    machine: Machine
    versions: dict[str, str]
    concurrency: dict[int, tuple[int, int]] = {}
    trials: list[Trial] = []

    def rows(self) -> list[Row]:
        """Give the rows in the order in which they were first made."""
        return list(dict.fromkeys(trial.row for trial in self.trials))

    def systems(self, row: Row) -> list[str]:
        """Give the systems of a row."""
        return list(dict.fromkeys(trial.system for trial in self.trials if trial.row == row))

    def of(self, row: Row, system: str) -> list[Trial]:
        """Give the repeats of a system in a row."""
        return [trial for trial in self.trials if trial.row == row and trial.system == system]


class Spread(msgspec.Struct, frozen=True):
    """Smallest, middle and largest of the repeats."""

    low: float
    middle: float
    high: float


def spread(values: Sequence[float]) -> Spread | None:
    """Sum up repeats; None if there are none."""
    return Spread(min(values), median(values), max(values)) if values else None


def measured(trials: Iterable[Trial], measure: str) -> Spread | None:
    """Sum up one measure over the repeats that have it."""
    return spread([trial.measures[measure] for trial in trials if measure in trial.measures])


def ratio(one: Spread | None, other: Spread | None) -> float | None:
    """Divide the middles; None if one is missing or there is nothing to divide by."""
    return one.middle / other.middle if one and other and other.middle > 0 else None


def per_case(trial: Trial) -> dict[str, float]:
    """Give the requests per case by whose and which they are; watches last and are none."""
    found: dict[str, float] = {}
    cases = trial.shape.cases * trial.shape.sweeps
    for request in trial.requests:
        if request.verb == "watch" or request.who not in (OWN[trial.system], CONTROLLER_MANAGER):
            continue
        name = f"controller manager: {request.verb}" if request.who == CONTROLLER_MANAGER else request.verb
        found[name] = found.get(name, 0.0) + request.number / cases
    return found
