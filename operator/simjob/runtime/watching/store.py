"""What the operator knows of the cluster: SimulationJobs, and Jobs and pods by the SimulationJob they belong to.

Written by kopf's watch, by the informers and by the answers to the operator's own calls, whichever is newer; every
change puts the SimulationJob's key in the queue. It judges nothing and never fails on a strange object.
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
    """Why nothing new may be made of a SimulationJob."""

    gone: bool = False
    cancelled: bool = False
    cases_cancelled: bool = False
    suspended: bool = False

    @property
    def for_all(self) -> bool:
        """Whether all cases are to stop, not only some."""
        return self.gone or self.cancelled or self.suspended


class Store(ChildStore):
    """The SimulationJobs and their children, by key. Belongs to one event loop.

    `attributed`: whether the API server alone writes the annotation that says who cancelled.
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
        """Return the SimulationJob, None if it is not known."""
        return self._simulationjobs.get(key)

    def status(self, key: Key) -> Status | None:
        """Return the newest status of the SimulationJob that was seen; None if there is none."""
        job = self._simulationjobs.get(key)
        return job.status if job else None

    def is_gone(self, key: Key) -> bool:
        """Return whether the SimulationJob was seen to be deleted."""
        return key in self._gone

    def must_not_create(self, key: Key) -> bool:
        """Return whether the newest state that was seen forbids to make anything new, or is to be looked at first."""
        return any(self.stop_signs(key))

    def stop_signs(self, key: Key) -> StopSigns:
        """Return what in the newest state that was seen asks to stop."""
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
        """Return what asks to stop now and did not when `known` was taken."""
        return StopSigns(*(now and not then for now, then in zip(self.stop_signs(key), known, strict=True)))

    def is_orphaned(self, key: Key) -> bool:
        """Return whether whoever deleted the SimulationJob wanted its children to stay."""
        return key in self._orphaned

    def observe(self, key: Key, *, spent: Set[int] | None, refusal: Refusal | None) -> Observed:
        """Return what is known of the children of a SimulationJob."""
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
        """Forget a SimulationJob and its children."""
        self._simulationjobs.pop(key, None)
        self._children.pop(key, None)
        self._gone.discard(key)
        self._orphaned.discard(key)
        self._unlatched.discard(key)

    def seen(self, raw: dict[str, Any]) -> None:
        """Take a SimulationJob's state if it is newer than what is known."""
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
        """Read a state; its spec only if that is new, since a long list of cases takes tens of milliseconds."""
        if isinstance(known, SimulationJob):
            job = simulationjob.reread(known, raw)
            # The spec of one that has ended is a summary, no use for one that goes on.
            if job and (job.status.is_over or not known.status.is_over):
                return job
        reading = simulationjob.read(finished.without_cases(raw))
        self._unknown.note(reading.job.metadata, reading.unknown)
        return reading.job

    def deleted(self, raw: dict[str, Any]) -> None:
        """Take note that a SimulationJob is gone; its children are to follow."""
        metadata = raw["metadata"]
        key = Key(metadata["namespace"], metadata["uid"])
        self._simulationjobs.pop(key, None)
        self._unlatched.discard(key)
        self._gone.add(key)
        jobs, pods = self.unseen(key, datetime.max.replace(tzinfo=UTC))
        # The garbage collector takes them with the SimulationJob.
        for unseen_job in jobs:
            self.job_deleted(unseen_job)
        for unseen_pod in pods:
            self.pod_deleted(unseen_pod)
        self.wake(key)

    def wrote(self, key: Key, status: Status, resource_version: str) -> None:
        """Take the answer to the operator's own status write, which comes back from the watch later."""
        job = self._simulationjobs.get(key)
        if job and job.status and job.status.ledger.cancelled != status.ledger.cancelled:
            # Jobs of these cases may have waited for it.
            self.wake(key)
        if isinstance(job, SimulationJob) and int(resource_version) > _version(job):
            metadata = job.metadata.model_copy(update={"resource_version": resource_version})
            self._simulationjobs[key] = _kept(job.model_copy(update={"metadata": metadata, "status": status}))
            self._note_unlatched(key)
        elif isinstance(job, Invalid):
            metadata = job.metadata.model_copy(update={"resource_version": resource_version})
            self._simulationjobs[key] = replace(job, metadata=metadata, status=status)

    def wake_all(self) -> None:
        """Ask for a look at everything that is known: this process begins to lead."""
        for key in (*self._simulationjobs, *self._gone, *self._children):
            self.wake(key)

    def tidy(self, *, leading: bool) -> None:
        """Forget what can change nothing any more, also where this process does not lead and plans nothing.

        A follower takes no key from the queue, so the keys of what it forgets are taken out here.
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
        """Take note whether the newest state asks to cancel cases that its ledger does not have yet."""
        job = self._simulationjobs.get(key)
        if isinstance(job, SimulationJob) and casecancellation.asked_for(job):
            self._unlatched.add(key)
        else:
            self._unlatched.discard(key)

    def wake(self, key: Key) -> None:
        """Have the SimulationJob planned again."""
        if self._is_urgent(key):
            self._queue.add_urgent(key)
        else:
            self._queue.add(key)

    def _is_urgent(self, key: Key) -> bool:
        """Return whether pods are to stop: a cancel or a deletion is asked for, or under way."""
        job = self._simulationjobs.get(key)
        if job is None:
            return key in self._gone
        if job.metadata.deletion_timestamp is not None:
            return True
        status = job.status or Status()
        # What is left to remove after the end must not stand in another cancel's way.
        if status.is_terminal:
            return False
        stops_some = status.ledger.cancelling is not None or key in self._unlatched
        return stops_some or cancellation.is_wanted(job)


def _version(job: SimulationJob | Invalid) -> int:
    # Comparable by order since https://kep.k8s.io/5504.
    return int(job.metadata.resource_version)


def _kept(job: SimulationJob | Invalid) -> SimulationJob | Invalid:
    """Return what is kept of a SimulationJob: all of it while it is under way."""
    return finished.summary(job) if isinstance(job, SimulationJob) and job.status.is_over else job
