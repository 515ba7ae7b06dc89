"""The planner: decide what to do next, from a job, the observed facts and the time.

The rules form a ladder. The first rule that applies decides, and core/conclusion.py turns its decision into a plan. A
new cancel of a running job comes before the ladder: it is stored in the status first (`cancellation.latching`).

```text
  rule                       applies if                                    plan
  deletion.gone              the SimulationJob is being deleted            stop the pods, delete the Jobs
  expiry.expired             `ttlSecondsAfterFinished` has passed          delete the SimulationJob
  afterend.terminal          the phase is final                            delete Jobs that are not kept
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

If this version cannot read the spec, only the rules up to `cancelling` apply, and then `unreadable.hold`.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from simjob.api.simulationjob import Invalid, SimulationJob
from simjob.core import assessment, unreadable
from simjob.core.assessment import Situation
from simjob.core.conclusion import conclude, conclude_unjudged
from simjob.core.decision import Decision
from simjob.core.observed.children import LivePods, Observed
from simjob.core.plan import Plan
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

Rule = Callable[[Situation], Decision | None]

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

# The rules that also apply to an unreadable spec: they stop what a user asked to stop, and only need to know the cases.
STOPPING: Final[tuple[Rule, ...]] = LADDER[: LADDER.index(cancellation.cancelling) + 1]


def before_judging(job: SimulationJob | Invalid, live: LivePods, now: datetime, judge_at: datetime) -> Plan | None:
    """Return the plan of a cancel that can do without a judgement of the cases; None if there is none.

    `judge_at`: when to judge the cases again.
    """
    if isinstance(job, Invalid):
        return None
    decision = cancellation.latching(job, live, now) or cancellation.stopping_on(job, live, now, judge_at)
    return conclude_unjudged(job, decision, now) if decision else None


def plan(job: SimulationJob | Invalid, observed: Observed, now: datetime) -> Plan:
    """Return the actions and the status for a job at the time `now`. Equal arguments give equal plans."""
    if isinstance(job, Invalid):
        return _unreadable(job, observed, now)
    if early := before_judging(job, observed.live, now, judge_at=now):
        return early
    found = _assess(job, observed, now)
    return conclude(found, next(decision for rule in LADDER if (decision := rule(found)) is not None))


def plan_removal(observed: Observed, now: datetime, since: datetime) -> Plan:
    """Return the plan that deletes the children of a SimulationJob that is gone. `since`: when the removal began."""
    decision = deletion.remove_all(observed, now, since)
    return Plan(actions=decision.actions, look_again=decision.look_again)


def plan_stop(job: SimulationJob | Invalid, live: LivePods, now: datetime) -> Plan:
    """Return the plan that stops the known pods. It is for a cancel when facts are missing or no other plan works."""
    return conclude_unjudged(job, cancellation.stop_known(job, live, now), now)


def _unreadable(job: Invalid, observed: Observed, now: datetime) -> Plan:
    if known := job.known:
        found = _assess(known, observed, now)
        for rule in STOPPING:
            if (decision := rule(found)) is not None:
                return conclude(found, decision)
    return conclude_unjudged(job, unreadable.hold(job, observed, now), now)


def _assess(job: SimulationJob, observed: Observed, now: datetime) -> Situation:
    return casecancellation.applied(assessment.assess(job, observed, now))
