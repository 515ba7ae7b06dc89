"""`python -m simjob`: read the settings, connect the parts, start kopf. All parts are connected here."""

import asyncio
import gc
import logging
import signal
import sys
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack

import uvloop

from simjob.core.facts.apiobjects import Job, Pod
from simjob.runtime.client import serverversion
from simjob.runtime.client.connection import Connection
from simjob.runtime.client.credentials import Credentials
from simjob.runtime.client.requestbudget import Budget
from simjob.runtime.client.serverversion import TooOldError
from simjob.runtime.cluster.apiserver import ApiServer
from simjob.runtime.process import logs, probes, settings, workwhileleading
from simjob.runtime.process.leaderelection import Elector
from simjob.runtime.process.settings import Settings
from simjob.runtime.reconciling import workers
from simjob.runtime.reconciling.reconciler import Reconciler
from simjob.runtime.store.store import Store
from simjob.runtime.store.workqueue import WorkQueue
from simjob.runtime.watching import informer, kopfhandlers
from simjob.runtime.watching.informer import Informer
from simjob.runtime.watching.resync import Resync
from simjob.runtime.watching.sinks import JobSink, PodSink

# Seconds. A watch receives a bookmark about once a minute, and is reopened after 75 s of silence.
_WATCH_LIMIT = 150.0
_TIDY_INTERVAL = 30.0

_log = logging.getLogger("simjob")


class Operator:
    """The connected parts of the operator. `run` runs them all."""

    def __init__(
        self, configured: Settings, credentials: Credentials, budget: Budget, connection: Connection, lease: Connection
    ) -> None:
        """Create and connect the parts. `lease` is a connection of its own, so that nothing delays a renewal."""
        self._settings = configured
        self._credentials = credentials
        self._connection = connection
        self._stop = asyncio.Event()
        now = connection.clock.now
        queue = WorkQueue()
        self._cluster = ApiServer(connection, now, configured.identity)
        self._store = store = Store(queue, now, attributed=configured.attribution)
        self._queue = queue
        self._budget = budget
        self._resync = Resync(connection, self._cluster, store, configured.namespaces, configured.resync_seconds)
        self._elector = Elector(lease, configured, now)
        self._lag = probes.Lag()
        self._informers: list[Informer[Job] | Informer[Pod]] = []
        for namespace in configured.namespaces or (None,):
            jobs, pods = JobSink(store, namespace), PodSink(store, now, namespace)
            self._informers.append(Informer(connection, informer.path(informer.JOBS, namespace), Job, jobs))
            self._informers.append(Informer(connection, informer.path(informer.PODS, namespace), Pod, pods))

    async def run(self) -> None:
        """Run until SIGTERM or SIGINT; raise if a part fails."""
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._probes())
            tasks = [asyncio.create_task(part.run()) for part in (*self._informers, self._resync, self._lag)]
            tasks.append(asyncio.create_task(self._watch_simulationjobs()))
            tasks.append(asyncio.create_task(self._elect()))
            tasks.append(asyncio.create_task(self._work()))
            tasks.append(asyncio.create_task(self._tidy()))
            stopping = asyncio.create_task(self._stopped())
            self._take_signals()
            done, _ = await asyncio.wait((*tasks, stopping), return_when=asyncio.FIRST_COMPLETED)
            _log.info("stopping")
            self._stop.set()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            # All writes have returned or are cancelled, so another replica may start at once.
            await self._elector.release()
            for task in done - {stopping}:
                task.result()

    def _take_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)

    async def _watch_simulationjobs(self) -> None:
        await kopfhandlers.watch(
            self._credentials,
            self._connection,
            self._settings.namespaces,
            self._resync,
            # kopf installs its own signal handlers when it starts, so ours are installed again afterwards.
            ready=self._take_signals,
            troubled=self._resync.troubled,
            stop=self._stop,
        )

    async def _stopped(self) -> None:
        await self._stop.wait()

    async def _elect(self) -> None:
        # Check the version before the first write: on a cluster that is too old, do not even take the Lease.
        await serverversion.require(self._connection)
        await self._elector.run()
        await self._stopped()

    async def _work(self) -> None:
        for synced in (self._resync.synced, *(part.synced for part in self._informers)):
            await synced.wait()
        # The objects in the caches live long. Freeze them, so that the garbage collector does not scan them each time.
        gc.collect()
        gc.freeze()
        _log.info("caches are filled")
        await workwhileleading.serve(self._elector, self._lead)

    async def _lead(self) -> None:
        """Reconcile until cancelled, with a new Reconciler: another leader may have changed what the last one knew."""
        new = Reconciler(
            self._cluster,
            self._store,
            self._queue,
            self._connection.clock.now,
            self._budget,
            refusal_seconds=self._settings.refusal_seconds,
        )
        self._store.wake_all()
        await workers.run(new, self._settings.workers, may_write=lambda: self._elector.is_leader)

    async def _tidy(self) -> None:
        while True:
            await asyncio.sleep(_TIDY_INTERVAL)
            self._store.tidy(leading=self._elector.is_leader)

    def _probes(self) -> AbstractAsyncContextManager[int]:
        health = [self._lag.check(), probes.fresh("SimulationJobs", self._resync.unseen_age, _WATCH_LIMIT)]
        ready = [probes.filled("SimulationJobs", self._resync.synced)]
        for part in self._informers:
            health.append(probes.fresh(part.path, part.age, _WATCH_LIMIT))
            ready.append(probes.filled(part.path, part.synced))
            ready.append(probes.fresh(part.path, part.silence, _WATCH_LIMIT))
        return probes.serving(self._settings.health_host, self._settings.health_port, health=health, ready=ready)


async def _run(configured: Settings) -> None:
    credentials = await Credentials.load()
    budget = Budget(configured.max_requests)
    async with (
        Connection.open(credentials, budget) as connection,
        Connection.open(credentials, Budget(1)) as lease,
    ):
        await Operator(configured, credentials, budget, connection, lease).run()


def main(argv: Sequence[str] | None = None) -> int:
    """Run the operator with these command-line arguments (default: `sys.argv`) and return the exit code."""
    configured = settings.load(sys.argv[1:] if argv is None else argv)
    logs.configure(configured)
    # The objects that are read at the start live long. With the default thresholds the garbage collector would scan
    # them many times.
    gc.set_threshold(50_000, 50, 100)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_run(configured))
    except TooOldError as old:
        _log.error(str(old))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
