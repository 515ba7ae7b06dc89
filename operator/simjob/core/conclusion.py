"""Turn the decision of a rule into the whole plan. Only this module makes the status and the time of the next pass.

A rule knows only its own subject. This module adds what follows from any status: the ends of cases that it stores, the
pass that deletes a job with a TTL, and the warnings about `cancelCases`.
"""

from dataclasses import replace
from datetime import datetime

from simjob.api.outcomes import Outcomes
from simjob.api.simulationjob import Invalid, SimulationJob
from simjob.api.status import Status
from simjob.core import assessment
from simjob.core.assessment import Situation
from simjob.core.decision import Decision, Keeping, Saying
from simjob.core.plan import Plan
from simjob.core.results import results
from simjob.core.rules import casecancellation, expiry
from simjob.core.status import urgency, wholestatus


def conclude(found: Situation, decision: Decision) -> Plan:
    """Return the plan for a job whose cases were judged."""
    about = assessment.with_cases(found, decision.case_table) if decision.case_table else found
    status = _status(about, decision)
    return Plan(
        actions=decision.actions,
        status=status,
        ends=results.ends(about, status.outcomes) if status else (),
        notices=(*decision.notices, *casecancellation.notices(found.job, status or found.job.status)),
        needs_proof=decision.needs_proof,
        stopped=found.dropped,
        unlatched=decision.unlatched,
        unstarted=decision.unstarted,
        held=decision.held,
        look_again=_next_look(decision, expiry.expires_at(found.job, status) if status else None),
    )


def conclude_unjudged(job: SimulationJob | Invalid, decision: Decision, now: datetime) -> Plan:
    """Return the plan for a job whose cases were not judged: counts and outcomes stay as stored."""
    says, stored = decision.says, job.status
    return Plan(
        actions=decision.actions,
        status=wholestatus.restated(job, stored, says, decision, now) if isinstance(says, Saying) and stored else None,
        needs_proof=decision.needs_proof,
        unlatched=decision.unlatched,
        look_again=decision.look_again,
    )


def _status(found: Situation, decision: Decision) -> Status | None:
    match decision.says:
        case Saying() as saying:
            return wholestatus.summarize(found, saying, decision, _outcomes(found, saying, decision))
        case Keeping(observed=generation):
            return wholestatus.kept(found.job.status, generation)
        case None:
            return None


def _outcomes(found: Situation, saying: Saying, decision: Decision) -> Outcomes:
    """Return the outcomes for the status. One that stores a cancel must not wait for results, so it adds no end."""
    stored, new = found.job.status, decision.outcomes or found.outcomes
    latches = urgency.adds_latch(stored, new, decision.cancellation) and not saying.phase.is_terminal
    if not latches or not any(end.result for end in results.ends(found, new)):
        return new
    # A case that is being cancelled stays so until its end is stored, too.
    latched = stored.outcomes.cancelling.union(new.cancelling)
    return replace(stored.outcomes, cancelling=latched)


def _next_look(decision: Decision, expires_at: datetime | None) -> datetime | None:
    """Return when to plan again: when the rule asks for it, or earlier when the TTL passes, which triggers no event."""
    return min((at for at in (decision.look_again, expires_at) if at), default=None)
