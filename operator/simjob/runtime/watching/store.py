"""The observed state of the cluster: SimulationJobs, and their Jobs and pods.

kopf's watch, the informers and the responses to the operator's own calls write to it; the newest resourceVersion wins.
Every change queues the key of the SimulationJob. The store makes no decisions and accepts any object.
"""

from collections.abc import Callable, Set
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, NamedTuple

from simjob.api import finished, simulationjob
from simjob.api.simulationjob import Invalid, SimulationJob
from simjob.api.status import Status
from simjob.core.observed.children import LivePods, Observed, observe
from simjob.core.observed.refusedcreation import Refusal
from simjob.core.rules import cancellation, casecancellation
from simjob.runtime.client.key import Key
from simjob.runtime.watching.childstore import ChildStore
from simjob.runtime.watching.ownedchildren import Children
from simjob.runtime.watching.unknownfields import UnknownFields
from simjob.runtime.watching.workqueue import WorkQueue


class StopSigns(NamedTuple):
    """The reasons why nothing new may be created for a SimulationJob."""

    gone: bool = False
    cancelled: bool = False
    cases_cancelled: bool = False
    suspended: bool = False

    @property
    def for_all(self) -> bool:
        """Return whether all cases must stop, not only some."""
        return self.gone or self.cancelled or self.suspended


class Store(ChildStore):
    """The SimulationJobs and their children, by key. Use it in one event loop only.

    `attributed`: whether the attribution component is installed, so that only the API server can write the annotation
    with the user who cancelled.
    """

    def __init__(self, queue: WorkQueue, clock: Callable[[], datetime], *, attributed: bool = False) -> None:
        super().__init__(clock)
        self._queue = queue
        queue.when_due(self.wake)
        self._attributed = attributed
        self._simulationjobs: dict[Key, SimulationJob | Invalid] = {}
        self._gone: set[Key] = set()
        self._orphaned: set[Key] = set()
        self._unlatched: set[Key] = set()
        self._unknown = UnknownFields()

    def get(self, key: Key) -> SimulationJob | Invalid | None:
        """Return the SimulationJob; None if it is not known."""
        return self._simulationjobs.get(key)

    def status(self, key: Key) -> Status | None:
        """Return the newest status of the SimulationJob that was seen; None if there is none."""
        job = self._simulationjobs.get(key)
        return job.status if job else None

    def is_gone(self, key: Key) -> bool:
        """Return whether the SimulationJob was seen to be deleted."""
        return key in self._gone

    def must_not_create(self, key: Key) -> bool:
        """Return whether the newest seen state has any stop sign, so that nothing new may be created."""
        return any(self.stop_signs(key))

    def stop_signs(self, key: Key) -> StopSigns:
        """Return the stop signs in the newest seen state."""
        job = self._simulationjobs.get(key)
        if not isinstance(job, SimulationJob):
            return StopSigns(gone=True)
        return StopSigns(
            gone=job.metadata.deletion_timestamp is not None,
            cancelled=cancellation.is_wanted(job),
            cases_cancelled=key in self._unlatched,
            suspended=bool(job.spec.suspend),
        )

    def new_signs(self, key: Key, known: StopSigns) -> StopSigns:
        """Return the current stop signs without those in `known`."""
        return StopSigns(*(now and not then for now, then in zip(self.stop_signs(key), known, strict=True)))

    def is_orphaned(self, key: Key) -> bool:
        """Return whether the SimulationJob was deleted with propagationPolicy Orphan, so that its children stay."""
        return key in self._orphaned

    def observe(self, key: Key, *, spent: Set[int] | None, refusal: Refusal | None) -> Observed:
        """Return the facts about the children of a SimulationJob, as the planner needs them."""
        children = self._children.get(key) or Children()
        children.forget_settled(self.status(key))
        return observe(
            children.jobs.values(),
            children.pods.values(),
            spent=spent,
            refusal=refusal,
            attributed=self._attributed,
            last_stop=self.last_stop(),
        )

    def live_pods(self, key: Key) -> LivePods:
        """Return the live pods of a SimulationJob as a cancel needs them."""
        unasked, stopping = self.live(key)
        return LivePods(unasked=unasked, stopping=stopping, attributed=self._attributed)

    def drop(self, key: Key) -> None:
        """Remove a SimulationJob and its children from the store."""
        self._simulationjobs.pop(key, None)
        self._children.pop(key, None)
        self._gone.discard(key)
        self._orphaned.discard(key)
        self._unlatched.discard(key)

    def seen(self, raw: dict[str, Any]) -> None:
        """Store the state of a SimulationJob if it is newer than the known one."""
        metadata = raw["metadata"]
        key = Key(metadata["namespace"], metadata["uid"])
        known = self._simulationjobs.get(key)
        if key in self._gone or (known and _version(known) >= int(metadata["resourceVersion"])):
            return
        self._simulationjobs[key] = job = _kept(self._read(known, raw))
        if job.metadata.orphans_children:
            self._orphaned.add(key)
        self._note_unlatched(key)
        self.wake(key)

    def _read(self, known: SimulationJob | Invalid | None, raw: dict[str, Any]) -> SimulationJob | Invalid:
        """Parse a state. Parse its spec only if it is new, because a long list of cases takes tens of milliseconds."""
        if isinstance(known, SimulationJob):
            job = simulationjob.reread(known, raw)
            # For a finished job only a summary of the spec is stored, which is not enough for one that runs again.
            if job and (job.status.is_over or not known.status.is_over):
                return job
        reading = simulationjob.read(finished.without_cases(raw))
        self._unknown.note(reading.job.metadata, reading.unknown)
        return reading.job

    def deleted(self, raw: dict[str, Any]) -> None:
        """Record that a SimulationJob is gone. Its children are to be removed."""
        metadata = raw["metadata"]
        key = Key(metadata["namespace"], metadata["uid"])
        self._simulationjobs.pop(key, None)
        self._unlatched.discard(key)
        self._gone.add(key)
        jobs, pods = self.unseen(key, datetime.max.replace(tzinfo=UTC))
        # The garbage collector deletes the children that the watches do not show.
        for unseen_job in jobs:
            self.job_deleted(unseen_job)
        for unseen_pod in pods:
            self.pod_deleted(unseen_pod)
        self.wake(key)

    def wrote(self, key: Key, status: Status, resource_version: str) -> None:
        """Store a status that the operator has written. The watch delivers it later."""
        job = self._simulationjobs.get(key)
        if job and job.status and job.status.outcomes.cancelled != status.outcomes.cancelled:
            # The Jobs of these cases may wait for this write.
            self.wake(key)
        # The same version: the write changed nothing, also because the CRD of another release does not store it.
        if isinstance(job, SimulationJob) and int(resource_version) >= _version(job):
            metadata = job.metadata.model_copy(update={"resource_version": resource_version})
            self._simulationjobs[key] = _kept(job.model_copy(update={"metadata": metadata, "status": status}))
            self._note_unlatched(key)
        elif isinstance(job, Invalid):
            metadata = job.metadata.model_copy(update={"resource_version": resource_version})
            self._simulationjobs[key] = replace(job, metadata=metadata, status=status)

    def wake_all(self) -> None:
        """Queue all known keys. Called when this process becomes the leader."""
        for key in (*self._simulationjobs, *self._gone, *self._children):
            self.wake(key)

    def tidy(self, *, leading: bool) -> None:
        """Remove objects that no rule needs any more. A follower, which plans nothing, calls this too.

        A follower takes no keys from the queue, so drop the keys of removed objects from it.
        """
        for key, children in list(self._children.items()):
            children.forget_settled(self.status(key))
            if not children.jobs and not children.pods:
                del self._children[key]
        for key in [key for key in self._gone if not self.has_children(key)]:
            self.drop(key)
        if not leading:
            self._queue.keep(self._simulationjobs.keys() | self._gone | self._children.keys())

    def _note_unlatched(self, key: Key) -> None:
        """Record whether the newest spec cancels cases that are not in the status yet."""
        job = self._simulationjobs.get(key)
        if isinstance(job, SimulationJob) and casecancellation.asked_for(job):
            self._unlatched.add(key)
        else:
            self._unlatched.discard(key)

    def wake(self, key: Key) -> None:
        """Queue the SimulationJob; as urgent if its pods must stop."""
        if self._is_urgent(key):
            self._queue.add_urgent(key)
        else:
            self._queue.add(key)

    def _is_urgent(self, key: Key) -> bool:
        """Return whether pods must stop: a cancel or a deletion was requested, or is in progress."""
        job = self._simulationjobs.get(key)
        if job is None:
            return key in self._gone
        if job.metadata.deletion_timestamp is not None:
            return True
        status = job.status or Status()
        # The cleanup after the end must not delay the cancel of another job.
        if status.is_terminal:
            return False
        stops_some = bool(status.outcomes.cancelling) or key in self._unlatched
        return stops_some or cancellation.is_wanted(job)


def _version(job: SimulationJob | Invalid) -> int:
    # Comparable by order since https://kep.k8s.io/5504.
    return int(job.metadata.resource_version)


def _kept(job: SimulationJob | Invalid) -> SimulationJob | Invalid:
    """Return the SimulationJob to keep: as it is while it is unfinished, otherwise a summary."""
    return finished.summary(job) if isinstance(job, SimulationJob) and job.status.is_over else job
