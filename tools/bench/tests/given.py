"""Builders for the tests of the benchmark's own arithmetic."""

from bench.report.results import Machine, Run, Trial
from bench.report.timeline import Change, Key, Kind, Timeline
from bench.shape import Shape

KEY = Key("ns", "sweep")


class Story:
    """A timeline, built change by change. The time of a change is also its resourceVersion times ten."""

    def __init__(self) -> None:
        self.timeline = Timeline()

    def pod(self, at: float, uid: str, state: str = "Pending", *, signalled: bool = False, gone: bool = False) -> None:
        self._add(Change(at, int(at * 10), Kind.POD, KEY, uid, state, signalled, gone, 0))

    def says(self, at: float, state: str, size: int = 0) -> None:
        self._add(Change(at, int(at * 10), Kind.SWEEP, KEY, "sweep-uid", state, False, False, size))

    def _add(self, change: Change) -> None:
        self.timeline.add([change])


def a_trial(
    system: str = "simjob",
    repeat: int = 0,
    scenario: str = "live",
    cases: int = 1000,
    qps: int = 20,
    parallelism: int | None = None,
    sweeps: int = 1,
    deleted: bool = False,
    **measures: float,
) -> Trial:
    shape = Shape(cases=cases, parallelism=parallelism, sweeps=sweeps, deleted=deleted)
    return Trial(scenario=scenario, system=system, shape=shape, qps=qps, repeat=repeat, measures=dict(measures))


def every_goal() -> list[Trial]:
    """Trials in which each goal is measured."""
    compared = [
        a_trial(system, cases=cases, qps=qps, all_running=1, all_signalled=1, none_live=1, said=1, all_per_case=1)
        for cases, qps in ((1000, 20), (1000, 1000), (3000, 20))
        for system in ("simjob", "bare", "indexed")
    ]
    large = {"all_per_case": 1, "said": 1, "first_signalled": 1, "peak_mib": 1, "status_bytes": 1}
    large |= {"caught_up": 1, "writes": 0, "live_when_said": 0}
    found = [
        a_trial(scenario=name, cases=10_000, parallelism=500) for name in ("long", "middle", "rival", "restart", "idle")
    ]
    for trial in found:
        trial.measures |= large
    ended = {"none_live": 1.0, "said": 1.0, "first_apart": 0.1, "lag_max_ms": 50.0, "leader_changes": 0.0}
    at_once = [
        a_trial(scenario="many-cancels", cases=1000, sweeps=10),
        a_trial(scenario="many-cancels", cases=10_000),
        a_trial(scenario="many-deletions", cases=1000, sweeps=10, deleted=True),
        a_trial(scenario="many-deletions", cases=10_000, deleted=True),
    ]
    for trial in at_once:
        trial.measures |= ended
    kept = a_trial(scenario="finished", cases=2000, sweeps=1000, peak_mib=1.0, follower_mib=1.0, caches_filled=1.0)
    return [*compared, *found, *at_once, kept]


def a_run(*trials: Trial) -> Run:
    machine = Machine(cpu="a CPU", cores=2, memory_gib=4.0, kernel="6.1", load=0.1)
    return Run(
        started="2026-11-22T00:00:00+00:00",
        command="make bench",
        commit="abc",
        quick=False,
        complete=True,
        repeats=3,
        machine=machine,
        versions={"Python": "3.11"},
        trials=list(trials),
    )
