"""What is measured: the scenarios and their sizes, systems and QPS. Nothing else decides these."""

from dataclasses import dataclass

from bench.scenarios import ceiling, finished, idle, kubectl, live, long, many, manycancels, restart, rival
from bench.shape import Shape
from bench.trial import Scenario

STOCK, RAISED = 20, 1000
ALL = ("simjob", "bare", "indexed", "indexed-delete", "plain")
OURS = ("simjob",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A shape, the systems that are compared in it, and the controller manager's requests per second."""

    shape: Shape
    systems: tuple[str, ...] = ("simjob", "bare")
    qps: tuple[int, ...] = (STOCK,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A scenario, its lines in a whole run and in a quick one. `election`: the operator takes the Lease in it.

    `rehearsed`: its first trial is made once more before, and does not count. An API server that has just started is
    slower, so the first trial would be at a disadvantage.
    """

    name: str
    what: str
    run: Scenario
    lines: tuple[Line, ...]
    quick: tuple[Line, ...]
    election: bool = False
    rehearsed: bool = False


def _ten_and_one(*, deleted: bool) -> tuple[Line, ...]:
    return (
        Line(shape=Shape(cases=1000, sweeps=10, deleted=deleted), systems=OURS),
        Line(shape=Shape(cases=10_000, deleted=deleted), systems=OURS),
    )


def _five_and_one(*, deleted: bool) -> tuple[Line, ...]:
    return (
        Line(shape=Shape(cases=100, sweeps=5, deleted=deleted), systems=OURS),
        Line(shape=Shape(cases=500, deleted=deleted), systems=OURS),
    )


SCENARIOS = (
    Planned(
        name="live",
        what="all cases run at once, then cancel",
        run=Scenario(live.measure, whole=True),
        lines=(
            Line(shape=Shape(cases=200), systems=ALL, qps=(STOCK, RAISED)),
            Line(shape=Shape(cases=1000), systems=("simjob", "bare", "indexed", "plain"), qps=(STOCK,)),
            Line(shape=Shape(cases=1000), systems=ALL, qps=(RAISED,)),
            Line(shape=Shape(cases=3000), qps=(STOCK,)),
            Line(shape=Shape(cases=3000), systems=("simjob", "bare", "indexed"), qps=(RAISED,)),
        ),
        quick=(
            Line(shape=Shape(cases=200), systems=("simjob", "bare", "indexed", "plain")),
            Line(shape=Shape(cases=200), systems=("simjob", "bare", "indexed"), qps=(RAISED,)),
        ),
    ),
    Planned(
        name="realistic",
        what="the same, and stopping takes a pod 1.5 s",
        run=Scenario(live.measure, whole=True),
        lines=(Line(shape=Shape(cases=1000, stop=1.5), systems=("simjob", "bare", "indexed"), qps=(RAISED,)),),
        quick=(Line(shape=Shape(cases=200, stop=1.5)),),
    ),
    Planned(
        name="long",
        what="short cases with limited parallelism, to their end",
        run=Scenario(long.to_the_end, whole=True),
        lines=(
            Line(shape=Shape(cases=10_000, parallelism=500, run=5), systems=OURS),
            Line(shape=Shape(cases=2000, parallelism=500, run=5, stop=1.5, fails="3"), systems=OURS),
        ),
        quick=(Line(shape=Shape(cases=600, parallelism=100, run=2, stop=1.5, fails="3"), systems=OURS),),
    ),
    Planned(
        name="middle",
        what="the same, cancelled when half have ended",
        run=Scenario(long.half_way),
        lines=(
            Line(shape=Shape(cases=10_000, parallelism=500, run=5), systems=OURS),
            Line(shape=Shape(cases=2000, parallelism=500, run=5, stop=1.5, fails="3"), systems=OURS),
        ),
        quick=(Line(shape=Shape(cases=600, parallelism=100, run=2), systems=OURS),),
    ),
    Planned(
        name="many",
        what="many sweeps at once, the first that runs is cancelled",
        run=Scenario(many.measure),
        lines=(Line(shape=Shape(cases=100, sweeps=100), systems=OURS),),
        quick=(Line(shape=Shape(cases=20, sweeps=10), systems=OURS),),
    ),
    Planned(
        name="many-cancels",
        what="many sweeps are cancelled at the same moment, with leader election; then one as large as all of them",
        run=Scenario(manycancels.measure),
        lines=_ten_and_one(deleted=False),
        quick=_five_and_one(deleted=False),
        election=True,
        rehearsed=True,
    ),
    Planned(
        name="many-deletions",
        what="the same with sweeps that are deleted",
        run=Scenario(manycancels.measure),
        lines=_ten_and_one(deleted=True),
        quick=_five_and_one(deleted=True),
        election=True,
        rehearsed=True,
    ),
    Planned(
        name="rival",
        what="a sweep of 100 is cancelled while a large one is created; the figures are the small one's",
        run=Scenario(rival.measure),
        lines=(Line(shape=Shape(cases=10_000), systems=OURS),),
        quick=(Line(shape=Shape(cases=1500), systems=OURS),),
    ),
    Planned(
        name="restart",
        what="the operator is killed and started again",
        run=Scenario(restart.measure),
        lines=(Line(shape=Shape(cases=10_000, parallelism=500), systems=OURS),),
        quick=(Line(shape=Shape(cases=1000, parallelism=100), systems=OURS),),
    ),
    Planned(
        name="finished",
        what="many finished sweeps of listed cases are kept, and two replicas start one after the other",
        run=Scenario(finished.measure),
        lines=(Line(shape=Shape(cases=2000, sweeps=1000), systems=OURS),),
        quick=(Line(shape=Shape(cases=2000, sweeps=50), systems=OURS),),
        election=True,
    ),
    Planned(
        name="idle",
        what="nothing happens for a while",
        run=Scenario(idle.measure),
        lines=(Line(shape=Shape(cases=10_000, parallelism=500), systems=OURS),),
        quick=(Line(shape=Shape(cases=1000, parallelism=100), systems=OURS),),
    ),
    Planned(
        name="kubectl",
        what="another user's kubectl while a large sweep is created",
        run=Scenario(kubectl.measure),
        lines=(
            Line(shape=Shape(cases=10_000), systems=OURS),
            Line(shape=Shape(cases=3000), systems=("bare",)),
        ),
        quick=(Line(shape=Shape(cases=600), systems=OURS),),
    ),
    Planned(
        name="ceiling",
        what="pods alone: what KWOK and the scheduler can do at most",
        run=Scenario(ceiling.measure),
        lines=(Line(shape=Shape(cases=3000), systems=("bare",)),),
        quick=(Line(shape=Shape(cases=300), systems=("bare",)),),
    ),
)


def names() -> list[str]:
    """Give the scenarios' names."""
    return [planned.name for planned in SCENARIOS]
