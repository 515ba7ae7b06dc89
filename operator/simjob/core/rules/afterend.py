"""After the end of a job: its final status is kept, and children that should not exist are deleted.

A cancel that comes after the end changes nothing. An Event says so.
"""

from dataclasses import replace

from simjob.core.assessment import Situation
from simjob.core.decision import Decision, Keeping
from simjob.core.plan import DeleteJob, resync_at
from simjob.core.rules import cancellation
from simjob.core.stopping import keptjobs, stop


def terminal(situation: Situation) -> Decision | None:
    """Keep the end of a finished job: delete surplus children, update observedGeneration. None before the end."""
    stored = situation.job.status
    if not stored.is_over:
        return None
    if stored.phase is None or not stored.phase.is_terminal:
        # A newer version ended it with a phase that this one does not know, so this one leaves the children alone.
        return Decision(says=Keeping())
    return replace(_tidying(situation), notices=cancellation.too_late(situation.job))


def _tidying(situation: Situation) -> Decision:
    keeping = Keeping(observed=situation.job.metadata.generation)
    left = (*stop.clear(situation.open), *keptjobs.tidy(situation))
    jobs_at = stop.jobs_go_after_others_at(situation.observed, situation.job.status.completion_time)
    if left and jobs_at and jobs_at > situation.now:
        others = (action for action in left if not isinstance(action, DeleteJob))
        return Decision(actions=keptjobs.portion(others), says=keeping, look_again=jobs_at)
    unquiet = resync_at(situation.now) if situation.live_pods or left else None
    return Decision(actions=keptjobs.portion(left), says=keeping, look_again=unquiet)
