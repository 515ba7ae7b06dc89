"""`ttlSecondsAfterFinished`: a SimulationJob that ended so long ago is deleted, and with it all that is its.

As the TTL controller does it for Jobs, against the object as it was judged: a lifetime that was made longer a moment
ago, or a new object of the same name, keeps the deletion from being taken.
https://kubernetes.io/docs/concepts/workloads/controllers/ttlafterfinished/
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from simjob.api.simulationjob import SimulationJob
from simjob.api.status import Status
from simjob.core.assessment import Situation
from simjob.core.plan import DeleteSimulationJob, Plan, resync_at

_LAST: Final = datetime.max.replace(tzinfo=UTC)


def expires_at(job: SimulationJob, status: Status) -> datetime | None:
    """Return when a job of this status is to be deleted; None if it is kept or has not ended."""
    ttl, ended = job.spec.ttl_seconds_after_finished, status.completion_time
    if ttl is None or ended is None or not status.is_terminal:
        return None
    # A status that somebody else wrote cannot lead to a time that does not exist.
    return ended + min(timedelta(seconds=ttl), _LAST - ended)


def expired(situation: Situation) -> Plan | None:
    """Delete a job whose time is over; None while it is not."""
    metadata, at = situation.job.metadata, expires_at(situation.job, situation.job.status)
    if at is None or situation.now < at:
        return None
    action = DeleteSimulationJob(
        namespace=metadata.namespace,
        name=metadata.name,
        uid=metadata.uid,
        resource_version=metadata.resource_version,
    )
    return Plan(actions=(action,), look_again=resync_at(situation.now))


def awaited(job: SimulationJob, plan: Plan) -> Plan:
    """Return the plan with a look at the job when its time is over: after its end nothing else may wake it."""
    at = expires_at(job, plan.status) if plan.status else None
    if at is None:
        return plan
    return replace(plan, look_again=min(plan.look_again or at, at))
