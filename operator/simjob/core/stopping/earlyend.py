"""An end before all cases have run: everything is stopped, what is left is cancelled, and the job is FAILED.

For a job whose Jobs the API server will never take, one that takes too long, and one of which too many cases failed.
"""

from dataclasses import replace

from simjob.api.failures import Failure
from simjob.api.names import Reason
from simjob.api.status import Phase
from simjob.api.sweep.ranges import Ranges
from simjob.core.assessment import Situation
from simjob.core.decision import Saying
from simjob.core.plan import DeleteJob, Plan
from simjob.core.status import overdue, summary
from simjob.core.stopping import keptjobs, stop


def fail(
    situation: Situation, *, reason: str, message: str, error_code: str, failures: tuple[Failure, ...] = ()
) -> Plan:
    """Stop everything, and say FAILED when nothing is live; then the Jobs of what is cancelled go.

    `failures` are unfinished cases that failed without a pod; the other unfinished ones are cancelled, all in the write
    that says FAILED: as long as there are unfinished cases, the rule that wants this end goes on to want it.
    """
    new = Ranges.of(failure.index for failure in failures).intersection(situation.unfinished)
    refused = [DeleteJob(job=job) for job in situation.unfinished_jobs if job.index in new]
    actions = keptjobs.portion((*refused, *stop.wind_up(situation), *keptjobs.tidy(situation)))
    if situation.live_pods or refused:
        late = overdue.name_overdue(situation.live_pods, situation.now)
        saying = Saying(
            phase=summary.active_phase(situation),
            reason=Reason.NOT_STOPPING if late else reason,
            message=f"{message}; {late}" if late else message,
        )
        again = stop.look_again(situation.live_pods, situation.now)
        return Plan(actions=actions, status=summary.summarize(situation, saying), look_again=again)
    failed = situation.outcomes.failed.union(new)
    cancelled = situation.unfinished.minus(failed).union(situation.outcomes.cancelled)
    outcomes = replace(situation.outcomes, failed=failed, cancelled=cancelled)
    saying = Saying(phase=Phase.FAILED, reason=reason, message=message, error_code=error_code)
    status = summary.summarize(situation, saying, outcomes=outcomes, failures=failures)
    return Plan(actions=actions, status=status, needs_proof=True, look_again=situation.now)
