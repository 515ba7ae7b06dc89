"""An early end: everything is stopped, the unfinished cases are cancelled, and the job is FAILED.

It is used if the API server refuses the template, if the job takes too long, if too many cases failed, and if the cases
are wrong.
"""

from dataclasses import replace

from simjob.api.failures import Failure
from simjob.api.names import Reason
from simjob.api.status import Phase
from simjob.api.sweep.ranges import Ranges
from simjob.core.assessment import Situation
from simjob.core.decision import Decision, Saying
from simjob.core.plan import DeleteJob
from simjob.core.status import wholestatus
from simjob.core.stopping import keptjobs, stop
from simjob.core.waiting import overdue


def fail(
    situation: Situation, *, reason: str, message: str, error_code: str, failures: tuple[Failure, ...] = ()
) -> Decision:
    """Return the decision that stops everything, and writes FAILED when no pod is live.

    `failures` are unfinished cases that failed without a pod. All other unfinished cases are cancelled, in the same
    write as FAILED: while a case is unfinished, the calling rule applies again in the next pass.
    """
    new = Ranges.of(failure.index for failure in failures).intersection(situation.unfinished)
    refused = [DeleteJob(job=job) for job in situation.unfinished_jobs if job.index in new]
    actions = keptjobs.portion((*refused, *stop.stop_for_good(situation), *keptjobs.tidy(situation)))
    if situation.live_pods or refused:
        late = overdue.name_overdue(situation.live_pods, situation.now)
        saying = Saying(
            phase=wholestatus.active_phase(situation),
            reason=Reason.NOT_STOPPING if late else reason,
            message=f"{message}; {late}" if late else message,
        )
        again = stop.look_again(situation.live_pods, situation.now)
        return Decision(actions=actions, says=saying, look_again=again)
    failed = situation.outcomes.failed.union(new)
    cancelled = situation.unfinished.minus(failed).union(situation.outcomes.cancelled)
    outcomes = replace(situation.outcomes, failed=failed, cancelled=cancelled)
    saying = Saying(phase=Phase.FAILED, reason=reason, message=message, error_code=error_code)
    return Decision(
        actions=actions, says=saying, outcomes=outcomes, failures=failures, needs_proof=True, look_again=situation.now
    )
