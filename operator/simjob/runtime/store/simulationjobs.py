"""The newest known state of each SimulationJob, by key. A finished one is stored as a summary."""

from collections.abc import KeysView
from dataclasses import replace
from typing import Any

from simjob.api import finishedcopy, simulationjob
from simjob.api.simulationjob import Invalid, SimulationJob
from simjob.api.status import Status
from simjob.api.sweep.ranges import Ranges
from simjob.core.rules import casecancellation
from simjob.runtime.client.key import Key
from simjob.runtime.store.unknownfields import UnknownFields


class SimulationJobs:
    """Keeps the newer state, from kopf's watch or from the response to the operator's own status write."""

    def __init__(self) -> None:
        self._known: dict[Key, SimulationJob | Invalid] = {}
        self._unlatched: dict[Key, Ranges] = {}
        self._unknown_fields = UnknownFields()

    def get(self, key: Key) -> SimulationJob | Invalid | None:
        """Return the SimulationJob; None if it is not known."""
        return self._known.get(key)

    def status(self, key: Key) -> Status | None:
        """Return the newest known status; None if there is none."""
        job = self._known.get(key)
        return job.status if job else None

    def keys(self) -> KeysView[Key]:
        """Return the keys of all known SimulationJobs."""
        return self._known.keys()

    def unlatched(self, key: Key) -> Ranges:
        """Return the cases in `cancelCases` that the outcomes do not have yet."""
        return self._unlatched.get(key, Ranges())

    def take(self, key: Key, raw: dict[str, Any]) -> SimulationJob | Invalid | None:
        """Store a state and return it; None if it is not newer than the known one."""
        known = self._known.get(key)
        if known and _version(known) >= int(raw["metadata"]["resourceVersion"]):
            return None
        job = self._read(known, raw)
        self._keep(key, job)
        return job

    def wrote(self, key: Key, status: Status, resource_version: str) -> None:
        """Store a status that the operator has written. The watch delivers it later."""
        if (job := self._known.get(key)) is None:
            return
        metadata = job.metadata.model_copy(update={"resource_version": resource_version})
        if isinstance(job, Invalid):
            self._known[key] = replace(job, metadata=metadata, status=status)
        # The same version: the write changed nothing, also because the CRD of another release does not store it.
        elif int(resource_version) >= _version(job):
            self._keep(key, job.model_copy(update={"metadata": metadata, "status": status}))

    def forget(self, key: Key) -> None:
        """Forget a SimulationJob."""
        self._known.pop(key, None)
        self._unlatched.pop(key, None)

    def _read(self, known: SimulationJob | Invalid | None, raw: dict[str, Any]) -> SimulationJob | Invalid:
        """Parse a state. Parse its spec only if it is new, because a long list of cases takes tens of milliseconds."""
        if isinstance(known, SimulationJob):
            job = simulationjob.reread(known, raw)
            # For a finished job only a summary of the spec is stored, which is not enough for one that runs again.
            if job and (job.status.is_over or not known.status.is_over):
                return job
        reading = simulationjob.read(finishedcopy.without_cases(raw))
        self._unknown_fields.note(reading.job.metadata, reading.unknown)
        return reading.job

    def _keep(self, key: Key, job: SimulationJob | Invalid) -> None:
        """Keep the whole SimulationJob until it finishes, then a summary."""
        kept = finishedcopy.summary(job) if isinstance(job, SimulationJob) and job.status.is_over else job
        self._known[key] = kept
        if isinstance(kept, SimulationJob) and (cases := casecancellation.asked_for(kept)):
            self._unlatched[key] = cases
        else:
            self._unlatched.pop(key, None)


def _version(job: SimulationJob | Invalid) -> int:
    # Comparable by order since https://kep.k8s.io/5504.
    return int(job.metadata.resource_version)
