"""Suspend: running cases are stopped and no case starts. The stopped cases run from their beginning later.

A resumed job creates new Jobs with the next number of restarts, so that no name is used twice.
"""

from simjob.api.names import Reason
from simjob.api.status import Phase
from simjob.core.assessment import Situation
from simjob.core.decision import Decision, Saying
from simjob.core.plan import resync_at
from simjob.core.status import wholestatus
from simjob.core.stopping import keptjobs, stop
from simjob.core.waiting import overdue


def suspended(situation: Situation) -> Decision | None:
    """Stop everything, and write SUSPENDED when no pod is live. None if not requested, or if all cases have ended."""
    if not situation.job.spec.suspend or not situation.unfinished:
        return None
    actions = (*stop.suspend(situation), *keptjobs.tidy(situation))
    if situation.live_pods or situation.unfinished_jobs:
        late = overdue.name_overdue(situation.live_pods, situation.now)
        message = "running cases are being stopped" + (f"; {late}" if late else "")
        reason = Reason.NOT_STOPPING if late else Reason.SUSPENDING
        saying = Saying(phase=wholestatus.active_phase(situation), reason=reason, message=message)
        again = stop.look_again(situation.live_pods, situation.now)
        return Decision(actions=actions, says=saying, look_again=again)
    saying = Saying(
        phase=Phase.SUSPENDED, reason=Reason.SUSPENDED, message="nothing runs; set `suspend` to false to go on"
    )
    return Decision(
        actions=actions,
        says=saying,
        needs_proof=situation.job.status.phase is not Phase.SUSPENDED,
        look_again=resync_at(situation.now),
    )
