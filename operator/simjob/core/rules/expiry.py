"""`ttlSecondsAfterFinished`: a finished SimulationJob is deleted after this time, with everything it owns.

As in the TTL controller for Jobs, the deletion has preconditions: it fails if the object has changed since, for example
if somebody has just extended the TTL, or if it is a new object with the same name.
https://kubernetes.io/docs/concepts/workloads/controllers/ttlafterfinished/
"""

from datetime import UTC, datetime, timedelta
from typing import Final

from simjob.api.simulationjob import SimulationJob
from simjob.api.status import Status
from simjob.core.assessment import Situation
from simjob.core.decision import Decision
from simjob.core.plan import DeleteSimulationJob, resync_at

_LAST: Final = datetime.max.replace(tzinfo=UTC)


def expires_at(job: SimulationJob, status: Status) -> datetime | None:
    """Return when to delete a job with this status; None if it has no TTL or has not ended."""
    ttl, ended = job.spec.ttl_seconds_after_finished, status.completion_time
    if ttl is None or ended is None or not status.is_terminal:
        return None
    # Cap the delta, so that a corrupt status cannot overflow `datetime`.
    return ended + min(timedelta(seconds=ttl), _LAST - ended)


def expired(situation: Situation) -> Decision | None:
    """Delete a job whose TTL has passed; None before that."""
    metadata, at = situation.job.metadata, expires_at(situation.job, situation.job.status)
    if at is None or situation.now < at:
        return None
    action = DeleteSimulationJob(
        namespace=metadata.namespace,
        name=metadata.name,
        uid=metadata.uid,
        resource_version=metadata.resource_version,
    )
    return Decision(actions=(action,), look_again=resync_at(situation.now))
