"""One operator on a cluster in memory, in virtual time: the reconciler with its store and queue, no HTTP."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

from given.builders import NOW, a_job_dict
from simjob.api import names
from simjob.runtime.client.requestbudget import Budget
from simjob.runtime.reconciling.reconciler import Reconciler
from simjob.runtime.reconciling.workers import run
from simjob.runtime.store.store import Store
from simjob.runtime.store.workqueue import WorkQueue
from simjob.runtime.watching.sinks import JobSink, PodSink
from worlds.fakes import FakeCluster


class OneOperator:
    """One operator on a cluster in memory; `calls` has the time of each call."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._start = self._loop.time()
        self.cluster = FakeCluster(self.clock)
        self.calls: list[tuple[float, str]] = []
        self.blind = False
        enter = self.cluster._enter

        def note(call: str) -> None:
            self.calls.append((self._loop.time() - self._start, call))
            enter(call)

        self.cluster._enter = note  # type: ignore[method-assign]

    def clock(self) -> datetime:
        return NOW + timedelta(seconds=self._loop.time() - self._start)

    @asynccontextmanager
    async def operator(self, *, sees_pods: bool = True, workers: int = 1) -> AsyncIterator[None]:
        """Runs an operator with an empty memory."""
        self.queue = queue = WorkQueue(jitter=lambda: 0.0)
        self.store = Store(queue, self.clock)
        pods = PodSink(self.store, self.clock) if sees_pods else None
        self.cluster.watch(JobSink(self.store), pods, self.store)
        for raw in self.cluster.objects(names.PLURAL):
            self.store.seen(raw)
        # In virtual time nothing takes time, so that a test does not depend on how busy the machine is.
        reconciler = Reconciler(self.cluster, self.store, queue, self.clock, Budget(128), stopwatch=lambda: 0.0)
        worker = asyncio.create_task(run(reconciler, workers))
        try:
            await asyncio.sleep(0.01)
            yield
        finally:
            worker.cancel()
            await asyncio.gather(worker, return_exceptions=True)

    async def patch(self, **spec: Any) -> None:
        self.cluster.apply({"metadata": {"namespace": "default", "name": "sweep"}, "spec": spec})
        await asyncio.sleep(0.01)

    def apply(self, **spec: Any) -> None:
        self.cluster.apply(a_job_dict(**spec))

    def submit(self, name: str, **spec: Any) -> None:
        """Apply a SimulationJob of this name beside others."""
        self.apply(metadata={"name": name}, **spec)

    @property
    def status(self) -> dict[str, Any]:
        (raw,) = self.cluster.objects(names.PLURAL)
        status: dict[str, Any] = raw.get("status", {})
        return status

    def pods(self) -> list[str]:
        return sorted(raw["metadata"]["name"] for raw in self.cluster.objects("pods"))

    def run_pods(self, *pods: str, **status: Any) -> None:
        """Play the scheduler and the kubelet of these pods, or of all; keywords are more fields of their status."""
        for pod in pods or self.pods():
            self.cluster.set_pod("default", pod, node="node-1", **status)
            self.cluster.run_pod("default", pod)

    def times(self, call: str) -> list[float]:
        return [round(time, 1) for time, name in self.calls if name == call]
