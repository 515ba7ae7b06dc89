"""Builders for the tests of the benchmark's own arithmetic."""

from bench.results import Machine, Run, Trial
from bench.shape import Shape
from bench.timeline import Change, Key, Kind, Timeline

KEY = Key("ns", "sweep")


class Story:
    """A timeline as it is told: each call is a change, its time also its resourceVersion times ten."""

    def __init__(self) -> None:
        self.timeline = Timeline()

    def pod(self, at: float, uid: str, state: str = "Pending", *, signalled: bool = False, gone: bool = False) -> None:
        self._add(Change(at, int(at * 10), Kind.POD, KEY, uid, state, signalled, gone, 0))

    def says(self, at: float, state: str, size: int = 0) -> None:
        self._add(Change(at, int(at * 10), Kind.SWEEP, KEY, "sweep-uid", state, False, False, size))

    def _add(self, change: Change) -> None:
        self.timeline.add([change])


def a_trial(
    system: str = "simjob", repeat: int = 0, scenario: str = "live", cases: int = 1000, **measures: float
) -> Trial:
    return Trial(
        scenario=scenario, system=system, shape=Shape(cases=cases), qps=20, repeat=repeat, measures=dict(measures)
    )


def a_run(*trials: Trial) -> Run:
    machine = Machine(cpu="a CPU", cores=2, memory_gib=4.0, kernel="6.1", load=0.1)
    return Run(
        started="2026-11-22T00:00:00+00:00",
        command="make bench",
        commit="abc",
        quick=False,
        repeats=3,
        machine=machine,
        versions={"Python": "3.11"},
        trials=list(trials),
    )
