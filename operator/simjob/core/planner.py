"""plan(): a job, what is observed of it and the time, to what is to be done.

The rules stand in one ladder, most final first; the first that has something to say decides.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Final

from simjob.api.simulationjob import Invalid, SimulationJob
from simjob.core import (
    accepting,
    cancellation,
    casecancellation,
    completion,
    expiry,
    failurepolicy,
    refusal,
    results,
    running,
    situation,
    summary,
    suspension,
    totaltime,
    transitions,
)
from simjob.core.observed import Observed
from simjob.core.plan import Plan
from simjob.core.situation import Situation

Rule = Callable[[Situation], Plan | None]

LADDER: Final[tuple[Rule, ...]] = (
    completion.gone,
    expiry.expired,
    completion.terminal,
    cancellation.cancelling,
    casecancellation.latching,
    refusal.refused,
    totaltime.timed_out,
    failurepolicy.exceeded,
    accepting.accepting,
    suspension.suspended,
    completion.completed,
    running.running,
)


def plan(job: SimulationJob | Invalid, observed: Observed, now: datetime) -> Plan:
    """Returns what to do and what to say about a job; the same for the same arguments."""
    if isinstance(job, Invalid):
        return refusal.unreadable(job, observed, now)
    found = casecancellation.applied(situation.assess(job, observed, now))
    plan = next(plan for rule in LADDER if (plan := rule(found)) is not None)
    notices = casecancellation.notices(found.job, plan.status or found.job.status)
    plan = replace(plan, stopped=found.dropped, notices=(*plan.notices, *notices))
    return _with_ends(expiry.awaited(found.job, plan), found)


def _with_ends(plan: Plan, found: Situation) -> Plan:
    """Returns the plan with the ends that its status brings; what latches a cancel waits for no result."""
    stored, status = found.job.status, plan.status
    if status is None or not (ends := results.ends(found, status.ledger)):
        return plan
    latches = transitions.latches(stored, status) and not status.is_terminal
    if latches and any(end.result for end in ends):
        return replace(plan, status=summary.before_ends(found, status))
    return replace(plan, ends=ends)
