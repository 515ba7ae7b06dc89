"""The observed state of the cluster: SimulationJobs, and their Jobs and pods.

kopf's watch, the informers and the responses to the operator's own calls write to it; the newest resourceVersion wins.
Every change queues the key of the SimulationJob. The store makes no decisions and accepts any object.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from simjob.api.simulationjob import Invalid, SimulationJob
from simjob.api.status import Status
from simjob.runtime.client.key import Key
from simjob.runtime.store.childstore import ChildStore
from simjob.runtime.store.deletedsimulationjobs import DeletedSimulationJobs
from simjob.runtime.store.ownedchildren import Children
from simjob.runtime.store.simulationjobs import SimulationJobs
from simjob.runtime.store.stopsigns import StopSigns
from simjob.runtime.store.view import View
from simjob.runtime.store.wakeups import WakeUps
from simjob.runtime.store.workqueue import WorkQueue


class Store(ChildStore):
    """The SimulationJobs and their children, by key. Use it in one event loop only.

    `attributed`: whether the attribution component is installed, so that only the API server can write the annotation
    with the user who cancelled.
    """

    def __init__(self, queue: WorkQueue, clock: Callable[[], datetime], *, attributed: bool = False) -> None:
        super().__init__(clock)
        self._attributed = attributed
        self._simulationjobs = SimulationJobs()
        self._deleted = DeletedSimulationJobs()
        self._wakeups = WakeUps(queue, self._simulationjobs, self._deleted)

    def view(self, key: Key) -> View:
        """Return what is known of a SimulationJob now."""
        children = self._children.get(key) or Children()
        children.forget_settled(self.status(key))
        return View(
            key=key,
            job=self.get(key),
            is_gone=self.is_gone(key),
            is_orphaned=self._deleted.is_orphaned(key),
            signs=self._signs(key),
            jobs=tuple(children.jobs.values()),
            pods=tuple(children.pods.values()),
            unasked=tuple(children.pods[uid] for uid in children.unasked),
            stopping=len(children.stopping),
            has_children=children.are_left,
            attributed=self._attributed,
            last_stop=self.last_stop(),
        )

    def get(self, key: Key) -> SimulationJob | Invalid | None:
        """Return the SimulationJob in its newest state, None if it is not known."""
        return self._simulationjobs.get(key)

    def status(self, key: Key) -> Status | None:
        """Return the newest status of the SimulationJob that was seen; None if there is none."""
        return self._simulationjobs.status(key)

    def is_gone(self, key: Key) -> bool:
        """Return whether the SimulationJob was seen to be deleted."""
        return self._deleted.is_gone(key)

    def must_not_create(self, key: Key) -> bool:
        """Return whether the newest seen state has any stop sign, so that nothing new may be created."""
        return any(self._signs(key))

    def new_signs(self, key: Key, known: StopSigns) -> StopSigns:
        """Return the current stop signs without those in `known`."""
        return self._signs(key).since(known)

    def drop(self, key: Key) -> None:
        """Remove a SimulationJob and its children from the store."""
        self._simulationjobs.forget(key)
        self._children.pop(key, None)
        self._deleted.forget(key)

    def seen(self, raw: dict[str, Any]) -> None:
        """Store the state of a SimulationJob if it is newer than the known one."""
        key = Key(raw["metadata"]["namespace"], raw["metadata"]["uid"])
        if self.is_gone(key) or (job := self._simulationjobs.take(key, raw)) is None:
            return
        if job.metadata.orphans_children:
            self._deleted.orphans(key)
        self.wake(key)

    def deleted(self, raw: dict[str, Any]) -> None:
        """Record that a SimulationJob is gone. Its children are to be removed."""
        key = Key(raw["metadata"]["namespace"], raw["metadata"]["uid"])
        self._simulationjobs.forget(key)
        self._deleted.went(key)
        jobs, pods = self.unseen(key, datetime.max.replace(tzinfo=UTC))
        # The garbage collector deletes the children that the watches do not show.
        for unseen_job in jobs:
            self.job_deleted(unseen_job)
        for unseen_pod in pods:
            self.pod_deleted(unseen_pod)
        self.wake(key)

    def wrote(self, key: Key, status: Status, resource_version: str) -> None:
        """Store a status that the operator has written. The watch delivers it later."""
        known = self.status(key)
        if known and known.outcomes.cancelled != status.outcomes.cancelled:
            # The Jobs of these cases may wait for this write.
            self.wake(key)
        self._simulationjobs.wrote(key, status, resource_version)

    def wake(self, key: Key) -> None:
        """Queue the SimulationJob; as urgent if its pods must stop."""
        self._wakeups.wake(key)

    def wake_all(self) -> None:
        """Queue all known keys. Called when this process becomes the leader."""
        for key in (*self._simulationjobs.keys(), *self._deleted.gone, *self._children):
            self.wake(key)

    def tidy(self, *, leading: bool) -> None:
        """Remove objects that no rule needs any more. A follower, which plans nothing, calls this too.

        A follower takes no keys from the queue, so drop the keys of removed objects from it.
        """
        for key, children in list(self._children.items()):
            children.forget_settled(self.status(key))
            if not children.jobs and not children.pods:
                del self._children[key]
        for key in [key for key in self._deleted.gone if not self._known(key).are_left]:
            self.drop(key)
        if not leading:
            self._wakeups.keep(self._simulationjobs.keys() | self._deleted.gone | self._children.keys())

    def _signs(self, key: Key) -> StopSigns:
        return StopSigns.of(self.get(key), unlatched=self._simulationjobs.unlatched(key))
