"""After the end of a job: its final status is kept, and children that should not exist are deleted."""

from simjob.core.assessment import Situation
from simjob.core.plan import DeleteJob, Plan, resync_at
from simjob.core.stopping import keptjobs, stop


def terminal(situation: Situation) -> Plan | None:
    """Keep the end of a finished job: delete surplus children, update observedGeneration. None before the end."""
    stored = situation.job.status
    if not stored.is_over:
        return None
    if stored.phase is None or not stored.phase.is_terminal:
        # A newer version ended it with a phase that this one does not know, so this one leaves the children alone.
        return Plan(status=stored)
    generation = situation.job.metadata.generation
    conditions = tuple(found.model_copy(update={"observed_generation": generation}) for found in stored.conditions)
    # A version that does not know `retrying` may have ended the job and left it there.
    changed = {"observed_generation": generation, "conditions": conditions, "retrying": None}
    status = stored.model_copy(update=changed)
    left = (*stop.clear(situation.open), *keptjobs.tidy(situation))
    jobs_at = stop.jobs_go_after_others_at(situation.observed, stored.completion_time)
    if left and jobs_at and jobs_at > situation.now:
        others = (action for action in left if not isinstance(action, DeleteJob))
        return Plan(actions=keptjobs.portion(others), status=status, look_again=jobs_at)
    unquiet = resync_at(situation.now) if situation.live_pods or left else None
    return Plan(actions=keptjobs.portion(left), status=status, look_again=unquiet)
