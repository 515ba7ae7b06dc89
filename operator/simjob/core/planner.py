"""plan(): a job, what is observed of it and the time, to what is to be done.

The rules stand in one ladder, most final first; the first that has something to say decides.
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

# The rules that need no more of the spec than which cases there are: they stop what runs because somebody asked for it.
STOPPING: Final[tuple[Rule, ...]] = LADDER[: LADDER.index(cancellation.cancelling) + 1]


def before_judging(job: SimulationJob | Invalid, live: LivePods, now: datetime, judge_at: datetime) -> Plan | None:
    """Return the plan of a cancel for which no case need be judged, `judge_at` the next judgement; None otherwise."""
    if isinstance(job, Invalid):
        return None
    return cancellation.latching(job, live, now) or cancellation.stopping_on(job, live, now, judge_at)


def plan(job: SimulationJob | Invalid, observed: Observed, now: datetime) -> Plan:
    """Return what to do and what to say about a job; the same for the same arguments."""
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
    """Return a rule's plan with what every plan has: notices, results, a look when the job expires."""
    notices = casecancellation.notices(found.job, plan.status or found.job.status)
    plan = replace(plan, stopped=found.dropped, notices=(*plan.notices, *notices))
    return _with_ends(expiry.awaited(found.job, plan), found)


def _with_ends(plan: Plan, found: Situation) -> Plan:
    """Return the plan with the ends that its status brings; what latches a cancel waits for no result."""
    stored, status = found.job.status, plan.status
    if status is None or not (ends := results.ends(found, status.outcomes)):
        return plan
    latches = urgency.latches(stored, status) and not status.is_terminal
    if latches and any(end.result for end in ends):
        return replace(plan, status=summary.before_ends(found, status))
    return replace(plan, ends=ends)
