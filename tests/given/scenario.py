"""A whole world in virtual time: a judged cluster, a kubelet, and an operator that may die at any of its writes."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, cast

from given.builders import NOW, a_job_dict
from simjob.api import names, simulationjob
from simjob.api.simulationjob import SimulationJob
from simjob.core import planner
from simjob.core.facts.pods import PodFact
from simjob.core.plan import Plan
from simjob.runtime.client.errors import UnavailableError
from simjob.runtime.client.key import Key
from simjob.runtime.client.requestbudget import Budget
from simjob.runtime.cluster.calls import Cluster
from simjob.runtime.reconciling.reconciler import Reconciler
from simjob.runtime.reconciling.workers import run
from simjob.runtime.store.store import Store
from simjob.runtime.store.workqueue import WorkQueue
from simjob.runtime.watching.sinks import JobSink, PodSink
from worlds.kubelet import ScriptedKubelet
from worlds.oracles import Injected, JudgedCluster, Raw
from worlds.queueing import ScriptedQueue
from worlds.virtualtime import VirtualTimeLoop

_WRITES: Final = (
    "create_job",
    "annotate_job",
    "write_job_status",
    "delete_job",
    "create_pod",
    "limit_pod",
    "label_pod",
    "label_job",
    "delete_pod",
    "patch_simulationjob_status",
    "create_config_map",
    "write_config_map",
)
# The ConfigMap that `spec.cases.configMap` refers to.
TABLE: Final = {"name": "table", "key": "cases.csv"}
_LATENCY: Final = 0.01
_LONGEST: Final = 300


class Fault(StrEnum):
    """A fault of a write: the process dies, or the answer is an error, before or after the write is stored."""

    DIE_BEFORE = "die before"
    DIE_AFTER = "die after"
    FAIL_BEFORE = "fail before"
    FAIL_AFTER = "fail after"

    @property
    def is_death(self) -> bool:
        return self in (Fault.DIE_BEFORE, Fault.DIE_AFTER)


Deed = Callable[["World"], None]


@dataclass(kw_only=True)
class World:
    """What happens: `script` has the exit codes of each case's runs; `faults` and `people` act at the n-th write.

    `away`: what people do while the operator is dead. `rests`: the phase in which it comes to rest, an end if not
    given. `table`: the text of the ConfigMap TABLE, none if empty. `lag`: seconds that the watches of Jobs, pods and
    SimulationJobs are behind. `injected`: where an injector puts a container that never ends by itself. `queue_quota`:
    how many Jobs a queue admits at once, None without a queue. `refused`: the writes that are refused now, and how.
    """

    script: Sequence[Sequence[int]]
    spec: Mapping[str, Any] = field(default_factory=dict)
    faults: Mapping[int, Fault] = field(default_factory=dict)
    people: Mapping[int, Deed] = field(default_factory=dict)
    away: Deed | None = None
    rests: str | None = None
    table: str = ""
    quota: Mapping[str, int] = field(default_factory=dict)
    lag: tuple[float, float, float] = (0.0, 0.0, 0.0)
    injected: Injected | None = None
    queue_quota: int | None = None

    writes: int = 0
    deaths: int = 0
    refused: dict[str, Exception] = field(default_factory=dict)
    own_ends: dict[int, list[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._loop = VirtualTimeLoop()
        self._start = self._loop.time()
        self.cluster = JudgedCluster(self.clock)
        self.cluster.injected = self.injected
        self._kubelet = ScriptedKubelet(self.cluster, self.script, self.own_ends, self.clock)
        self.queue = None if self.queue_quota is None else ScriptedQueue(self.cluster, self.queue_quota)
        self._lagging = [_Lagging(self._loop, seconds) for seconds in self.lag]
        self._dead = asyncio.Event()
        self._told_by_deletion: set[int] = set()

    def clock(self) -> datetime:
        return NOW + timedelta(seconds=self._loop.time() - self._start)

    def run(self) -> "World":
        """Lives until the end has been quiet for some time."""
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._live())
        return self

    @property
    def status(self) -> Raw:
        status: Raw = self.cluster.sweep["status"]
        return status

    def patch(self, **spec: Any) -> None:
        """Changes the SimulationJob as people do."""
        meta = {"namespace": "default", "name": "sweep"}
        self.cluster.apply({"metadata": meta, "spec": spec})

    def after(self, seconds: float, deed: Callable[[], None]) -> None:
        """Lets people do something later."""
        self._loop.call_later(seconds, deed)

    def plan_again(self) -> tuple[SimulationJob, Plan]:
        """Plan for the current objects, as an operator that has seen every change."""
        store = Store(WorkQueue(), self.clock)
        self.cluster.list_and_watch(JobSink(store), PodSink(store, self.clock), store)
        job = simulationjob.parse(self.cluster.sweep)
        assert isinstance(job, SimulationJob)
        children = store.view(Key("default", job.metadata.uid)).observed(spent=frozenset())
        return job, planner.plan(job, children, self.clock())

    async def _live(self) -> None:
        self.cluster.quota = self.quota
        self.cluster.saw = self._saw
        if self.table:
            self.cluster.put_config_map("default", TABLE["name"], {TABLE["key"]: self.table})
        spec = {"cases": {"count": len(self.script)}, "parallelism": 2, **self.spec}
        self.cluster.apply(a_job_dict(**spec))
        while await self._operate():
            self.deaths += 1
            self.cluster.unseen |= {"cancelled"}
            self._dead.clear()
            if self.away:
                self.cluster.unseen |= {"succeeded", "failed"}
                self.away(self)
            await asyncio.sleep(1.5)
        self._kubelet.stop()

    def _saw(self, plural: str, raw: Raw, deleted: bool) -> None:
        self._kubelet.saw(plural, raw, deleted)
        if self.queue:
            self.queue.saw(plural, raw, deleted)

    async def _operate(self) -> bool:
        """Runs an operator until all is quiet, or until it dies: then True."""
        queue = WorkQueue(jitter=lambda: 0.0)
        store = Store(queue, self.clock)
        hands = cast("Cluster", _Hands(self, store))
        # Or a busy machine would make pauses, and another world.
        reconciler = Reconciler(hands, store, queue, self.clock, Budget(128), stopwatch=lambda: 0.0)
        for lagging, sink in zip(self._lagging, (JobSink(store), PodSink(store, self.clock), store), strict=True):
            lagging.sink = sink
        self.cluster.list_and_watch(*self._lagging)
        worker = asyncio.create_task(run(reconciler, 1))
        try:
            return await self._dies_before_it_is_quiet()
        finally:
            worker.cancel()
            await asyncio.gather(worker, return_exceptions=True)

    async def _dies_before_it_is_quiet(self) -> bool:
        quiet_since, changes = self._loop.time(), -1
        while not self._dead.is_set():
            now = self._loop.time()
            if self.cluster.changes != changes:
                quiet_since, changes = now, self.cluster.changes
            status = self.cluster.sweep.get("status", {})
            rests = status.get("phase") == self.rests if self.rests else status.get("isTerminal")
            if rests and now - quiet_since >= 5:
                self.cluster.judge_rest()
                return False
            if now - self._start > _LONGEST:
                self.cluster.breach("O4", f"no end after {_LONGEST} s: {self.status}")
                return False
            await asyncio.sleep(1)
        return True

    async def on_write(self, name: str, call: Callable[[], Awaitable[Any]]) -> Any:
        """Carry out the operator's next write, with its fault."""
        self.writes += 1
        number = self.writes
        fault = self.faults.get(number)
        if fault is Fault.DIE_BEFORE:
            await self._die()
        if name in self.refused:
            error = self.refused[name]
            if number in self.people:
                self.people[number](self)
            raise error
        if fault is Fault.FAIL_BEFORE:
            raise UnavailableError("no answer")
        try:
            answer = await call()
        finally:
            if number in self.people:
                self.people[number](self)
        if name == "delete_pod" and isinstance(answer, PodFact) and answer.ended:
            self._told_by_deletion.add(answer.index)
        if fault is Fault.DIE_AFTER:
            await self._die()
        if fault is Fault.FAIL_AFTER:
            raise UnavailableError("no answer")
        return answer

    async def _die(self) -> None:
        self.cluster.untold |= self._told_by_deletion
        if self._told_by_deletion:
            self.cluster.unseen |= {"succeeded", "failed"}
        self._dead.set()
        await asyncio.Event().wait()

    @property
    def is_dead(self) -> bool:
        return self._dead.is_set()


class _Hands:
    """The cluster as one operator process sees it: calls take time, writes may fail."""

    def __init__(self, world: World, store: Store) -> None:
        self._world = world
        self._store = store

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        method = getattr(self._world.cluster, name)

        async def call(*args: Any, **keywords: Any) -> Any:
            if name in ("create_job", "create_pod"):
                self._creates(name, *args)
            if name == "delete_job":
                self._world.cluster.judge_removal(args[1])
            await asyncio.sleep(_LATENCY)
            if self._world.is_dead:
                await asyncio.Event().wait()
            if name in _WRITES:
                answer = await self._world.on_write(name, lambda: method(*args, **keywords))
            else:
                answer = await method(*args, **keywords)
            await asyncio.sleep(_LATENCY)
            return answer

        return call

    def _creates(self, name: str, _namespace: str, body: bytes) -> None:
        key = Key("default", self._world.cluster.sweep["metadata"]["uid"])
        job = self._store.get(key)
        if not isinstance(job, SimulationJob):
            return
        index = int(json.loads(body)["metadata"]["labels"][names.LABEL_INDEX])
        if job.spec.cancel or job.status.cancellation or index in (job.spec.cancel_cases or ()):
            self._world.cluster.breach("O8", f"{name} after the operator saw the cancel")


class _Lagging:
    """A watch that delivers changes late and in order."""

    def __init__(self, loop: asyncio.AbstractEventLoop, seconds: float) -> None:
        self.sink: Any = None
        self._loop = loop
        self._seconds = seconds
        self._waiting: list[tuple[Any, str, Any]] = []

    def _later(self, method: str, obj: Any) -> None:
        if not self._seconds:
            getattr(self.sink, method)(obj)
            return
        self._waiting.append((self.sink, method, obj))
        self._loop.call_later(self._seconds, self._next)

    def _next(self) -> None:
        sink, method, obj = self._waiting.pop(0)
        getattr(sink, method)(obj)

    def upsert(self, obj: Any) -> None:
        self._later("upsert", obj)

    def delete(self, obj: Any) -> None:
        self._later("delete", obj)

    def listed(self, uids: Set[str], version: int) -> None:
        """Return a list that is as late as the watch, which has delivered all of it by then."""

    def seen(self, raw: Raw) -> None:
        self._later("seen", raw)

    def deleted(self, raw: Raw) -> None:
        self._later("deleted", raw)
