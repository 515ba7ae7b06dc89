"""Queue SimulationJobs to be planned again, first those whose pods must stop."""

from simjob.api.simulationjob import Invalid, SimulationJob
from simjob.api.status import Status
from simjob.core.rules import cancellation
from simjob.runtime.client.key import Key
from simjob.runtime.store.deletedsimulationjobs import DeletedSimulationJobs
from simjob.runtime.store.simulationjobs import SimulationJobs
from simjob.runtime.store.workqueue import WorkQueue


class WakeUps:
    """Puts keys in the queue."""

    def __init__(self, queue: WorkQueue, simulationjobs: SimulationJobs, deleted: DeletedSimulationJobs) -> None:
        self._queue = queue
        self._simulationjobs = simulationjobs
        self._deleted = deleted
        queue.when_due(self.wake)

    def wake(self, key: Key) -> None:
        """Queue the SimulationJob; as urgent if its pods must stop."""
        job = self._simulationjobs.get(key)
        if self._deleted.is_gone(key) if job is None else self._stops_pods(key, job):
            self._queue.add_urgent(key)
        else:
            self._queue.add(key)

    def keep(self, keys: set[Key]) -> None:
        """Drop all other keys from the queue."""
        self._queue.keep(keys)

    def _stops_pods(self, key: Key, job: SimulationJob | Invalid) -> bool:
        """Return whether pods must stop: a cancel or a deletion was requested, or is in progress."""
        if job.metadata.deletion_timestamp is not None:
            return True
        status = job.status or Status()
        # The cleanup after the end must not delay the cancel of another job.
        if status.is_terminal:
            return False
        stops_some = bool(status.outcomes.cancelling or self._simulationjobs.unlatched(key))
        return stops_some or cancellation.is_wanted(job)
