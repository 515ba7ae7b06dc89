"""The planner: from a job, the observed facts and the time to what to do next.

The rules form a ladder. The first rule that applies returns the plan. Before the ladder, a new cancel request on a job
that is under way is stored in status (`cancellation.latching`).

```text
  rule                       applies if                                    plan
  deletion.gone              the SimulationJob is being deleted            stop the pods, delete the Jobs
  expiry.expired             `ttlSecondsAfterFinished` has passed          delete the SimulationJob
  completion.terminal        the phase is final                            delete Jobs that are not kept
  cancellation.cancelling    a cancel is requested or stored in status     store it; stop the pods; CANCELLED
  casecancellation.latching  `cancelCases` names further live cases        store their indexes
  refusal.refused            the template was refused from the beginning   stop the pods; FAILED
  totalseconds.timed_out     `totalSeconds` have passed                    stop the pods; FAILED
  failurepolicy.exceeded     too many cases failed, and CancelRemaining    stop the pods; FAILED
  accepting.accepting        the cases are not known yet, or are wrong     copy them to the case table, or FAILED
  suspension.suspended       `suspend` is true                             stop the pods; SUSPENDED
  completion.completed       every case has an outcome                     COMPLETED or FAILED
  running.running            otherwise                                     start, count and retry attempts
```

For a spec that this version cannot read, only the rules up to `cancelling` apply, then `unreadable.hold`.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Final

from simjob.api.simulationjob import Invalid, SimulationJob
from simjob.core import assessment, unreadable
from simjob.core.assessment import Situation
from simjob.core.observed.children import LivePods, Observed
from simjob.core.plan import Plan
from simjob.core.results import results
from simjob.core.rules import (
    accepting,
    afterend,
    cancellation,
    casecancellation,
    completion,
    deletion,
    expiry,
    failurepolicy,
    refusal,
    running,
    suspension,
    totalseconds,
)
from simjob.core.status import summary, urgency

Rule = Callable[[Situation], Plan | None]

LADDER: Final[tuple[Rule, ...]] = (
    deletion.gone,
    expiry.expired,
    afterend.terminal,
    cancellation.cancelling,
    casecancellation.latching,
    refusal.refused,
    totalseconds.timed_out,
    failurepolicy.exceeded,
    accepting.accepting,
    suspension.suspended,
    completion.completed,
    running.running,
)

# The rules that also apply to a spec that cannot be read: they stop on request, and only need to know the cases.
STOPPING: Final[tuple[Rule, ...]] = LADDER[: LADDER.index(cancellation.cancelling) + 1]


def before_judging(job: SimulationJob | Invalid, live: LivePods, now: datetime, judge_at: datetime) -> Plan | None:
    """Return the plan of a cancel for which no case need be judged, `judge_at` the next judgement; None otherwise."""
    if isinstance(job, Invalid):
        return None
    return cancellation.latching(job, live, now) or cancellation.stopping_on(job, live, now, judge_at)


def plan(job: SimulationJob | Invalid, observed: Observed, now: datetime) -> Plan:
    """Return the actions and the status for a job at the time `now`. Equal arguments give equal plans."""
    if isinstance(job, Invalid):
        return _unreadable(job, observed, now)
    if latch := cancellation.latching(job, observed.live, now):
        return latch
    found = _assess(job, observed, now)
    return _whole(next(plan for rule in LADDER if (plan := rule(found)) is not None), found)


def _unreadable(job: Invalid, observed: Observed, now: datetime) -> Plan:
    if known := job.known:
        found = _assess(known, observed, now)
        for rule in STOPPING:
            if (plan := rule(found)) is not None:
                return _whole(plan, found)
    return unreadable.hold(job, observed, now)


def _assess(job: SimulationJob, observed: Observed, now: datetime) -> Situation:
    return casecancellation.applied(assessment.assess(job, observed, now))


def _whole(plan: Plan, found: Situation) -> Plan:
    """Return a rule's plan with what every plan has: notices, results, and a next pass when the job expires."""
    notices = casecancellation.notices(found.job, plan.status or found.job.status)
    plan = replace(plan, stopped=found.dropped, notices=(*plan.notices, *notices))
    return _with_ends(expiry.awaited(found.job, plan), found)


def _with_ends(plan: Plan, found: Situation) -> Plan:
    """Return the plan with the cases that end in it, except if it stores a cancel, which must not wait for results."""
    stored, status = found.job.status, plan.status
    if status is None or not (ends := results.ends(found, status.outcomes)):
        return plan
    latches = urgency.latches(stored, status) and not status.is_terminal
    if latches and any(end.result for end in ends):
        return replace(plan, status=summary.before_ends(found, status))
    return replace(plan, ends=ends)
