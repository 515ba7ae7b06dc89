"""`ttlSecondsAfterFinished`: a SimulationJob that ended so long ago is deleted, and with it all that is its.

As the TTL controller does it for Jobs, against the object as it was judged: a lifetime that was made longer a moment
ago, or a new object of the same name, keeps the deletion from being taken.
https://kubernetes.io/docs/concepts/workloads/controllers/ttlafterfinished/
"""

from datetime import datetime, timedelta

from simjob.api.simulationjob import SimulationJob
from simjob.core import summary
from simjob.core.plan import DeleteSimulationJob, Plan
from simjob.core.situation import Situation


def expires_at(job: SimulationJob) -> datetime | None:
    """Returns when a job that has ended is to be deleted; None if it is kept or has not ended."""
    ttl, ended = job.spec.ttl_seconds_after_finished, job.status.completion_time
    if ttl is None or ended is None or not job.status.is_terminal:
        return None
    return ended + timedelta(seconds=ttl)


def expired(situation: Situation) -> Plan | None:
    """Deletes a job whose time is over; None while it is not."""
    metadata, at = situation.job.metadata, expires_at(situation.job)
    if at is None or situation.now < at:
        return None
    action = DeleteSimulationJob(
        namespace=metadata.namespace,
        name=metadata.name,
        uid=metadata.uid,
        resource_version=metadata.resource_version,
    )
    return Plan(actions=(action,), look_again=summary.resync_at(situation.now))
