"""One trial: a fresh system, warmed up; a scenario; what was seen, asked and used; and everything cleared away."""

from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field

from bench.errors import BenchError, TrialError
from bench.observing import audit
from bench.observing.profiling import profiling
from bench.observing.sampling import Samples, sampling
from bench.report import measures
from bench.report.measures import Measures
from bench.report.results import RequestCount, Trial
from bench.report.timeline import Key, Sweep, live_series
from bench.shape import Shape
from bench.systems.system import System
from bench.world import World

WARM_UP = Shape(cases=20)
# Seconds. The observer is the clock: one that is later than this has measured itself.
LATE = 0.5


@dataclass(slots=True)
class Stage:
    """What a scenario has in its hands during a trial. `zero` is where the series begin, in monotonic time."""

    name: str
    world: World
    system: System
    shape: Shape
    samples: Samples
    namespaces: list[str] = field(default_factory=list)
    zero: float | None = None

    @property
    def patience(self) -> float:
        """Seconds after which nothing is waited for any more: a stock controller manager makes two pods a second."""
        return 120 + self.shape.cases * self.shape.sweeps * 0.5

    async def place(self, name: str = "sweep") -> Key:
        """Make a namespace for a sweep of this trial."""
        namespace = await self.world.namespace(self.system.name)
        self.namespaces.append(namespace)
        return Key(namespace, name)

    def sweep(self, key: Key) -> Sweep:
        """What was seen of a sweep."""
        return self.world.observed.sweep(key)

    async def create(self, key: Key, shape: Shape | None = None) -> float:
        """Ask for a sweep, of the trial's shape if no other is given; the first one's time is time zero."""
        asked = await self.system.create(key, shape or self.shape)
        self.zero = min(asked, self.zero or asked)
        return asked

    def profiled(self, part: str) -> AbstractAsyncContextManager[None]:
        """Draw a flame graph of what the system's process does inside the block, if that is wanted."""
        folder, child = self.world.profiles, self.system.child
        if folder is None or child is None:
            return nullcontext()
        return profiling(child, folder / f"{self.name}-{part}.svg")

    async def check(self, key: Key) -> None:
        """Compare the observer with a fresh list of the API server: a wrong clock is worse than none."""
        for _ in range(3):
            there = await self.world.live_pods(key)
            await self.world.observed.catch_up()
            seen = self.sweep(key).counters.live
            if there == seen:
                return
        raise TrialError(f"the observer sees {seen} live pods of {key.name}, the API server lists {there}")


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is done and measured. `whole`: every case is seen from its creation to its end, so that requests per case
    mean something.
    """

    measure: Callable[[Stage], Awaitable[Measures]]
    whole: bool = False


async def run(world: World, system: System, scenario: Scenario, made: Trial) -> Trial:
    """Fill in a trial; what goes wrong in it becomes its `problem`. BenchError if nothing can be measured any more."""
    stage: Stage | None = None
    try:
        await system.start()
        if system.child is not None:
            await _warm_up(world, system)
        await world.calm()
        world.observed.forget()
        position = world.audit.position()
        async with sampling(system) as samples:
            stage = Stage(made.name, world, system, made.shape, samples)
            try:
                made.measures = await scenario.measure(stage)
            except TrialError as error:
                made.problem = str(error)
        if world.observed.late > LATE:
            made.problem = made.problem or f"the observer was {world.observed.late:.2f} s late"
        requests = audit.count(world.audit.records(position), stage.namespaces)
        _conclude(made, stage, requests)
        if scenario.whole:
            made.measures |= measures.asking(requests, system.asks, made.shape.cases * made.shape.sweeps)
    except TrialError as error:
        made.problem = str(error)
    finally:
        await system.stop()
    try:
        for namespace in stage.namespaces if stage else ():
            await world.clear(namespace, [system.sweeps] if system.sweeps else [])
    except TrialError as error:
        raise BenchError(f"leftovers of this trial would distort the next: {error}") from error
    return made


def _conclude(made: Trial, stage: Stage, requests: Counter[audit.Request]) -> None:
    timeline = stage.world.observed.timeline
    sweeps = [sweep for namespace in stage.namespaces for sweep in timeline.of_namespace(namespace)]
    pods = [pod for sweep in sweeps for pod in sweep.pods.values()]
    made.measures |= stage.samples.measures()
    if stage.system.sweeps:
        made.measures |= measures.speaking(sweeps)
    made.measures["observer_late_ms"] = stage.world.observed.late * 1000
    made.requests = [
        RequestCount(one.who, one.agent, one.verb, one.resource, one.refused, number)
        for one, number in requests.most_common()
    ]
    if stage.zero is None:
        return
    made.live = live_series(pods, stage.zero)
    every = max(1, len(stage.samples.memory) // 200)
    made.memory = [(round(at - stage.zero, 2), size) for at, size in stage.samples.memory[::every]]


async def _warm_up(world: World, system: System) -> None:
    """A few cases, created and cancelled: connections are open and code is loaded, as in an operator that runs."""
    key = Key(await world.namespace("warm"), "warm")
    await system.create(key, WARM_UP)
    await world.observed.reach(key, lambda now: now.running == WARM_UP.cases, 120, "the warm-up does not run")
    await system.cancel(key)
    await world.observed.reach(key, lambda now: now.live == 0, 120, "the warm-up does not end")
    await world.clear(key.namespace, [system.sweeps] if system.sweeps else [])
