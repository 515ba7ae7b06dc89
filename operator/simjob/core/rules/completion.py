"""The end of a job whose cases all have an outcome."""

from simjob.api.names import Reason
from simjob.api.spec import RerunOutcome
from simjob.api.status import Phase
from simjob.core.assessment import Situation
from simjob.core.decision import Decision, Saying
from simjob.core.rules import failurepolicy
from simjob.core.status import newestfailures, wording
from simjob.core.stopping import keptjobs, stop


def completed(situation: Situation) -> Decision | None:
    """Write COMPLETED or FAILED; None while a case has no outcome or a pod is live."""
    if situation.unfinished or situation.live_pods:
        return None
    saying = _failed(situation) if not failurepolicy.allows(situation) else _completed(situation)
    actions = keptjobs.portion((*stop.report_ended(situation), *keptjobs.tidy(situation)))
    return Decision(actions=actions, says=saying, needs_proof=True)


def _failed(situation: Situation) -> Saying:
    total, failed = situation.total, len(situation.outcomes.failed)
    allowed = situation.job.spec.failure_policy.allowed(total)
    but = f", and `maxFailedCases` allows {allowed}" if allowed else ""
    return Saying(
        phase=Phase.FAILED,
        reason=Reason.CASES_FAILED,
        message=f"{failed} of {total} cases failed{but}{_newest(situation)}",
        error_code=failurepolicy.error_code(situation),
    )


def _newest(situation: Situation) -> str:
    newest = next(iter(newestfailures.newest(situation, situation.outcomes)), None)
    if newest is None:
        return ""
    more = "; `status.failures` has more" if len(situation.outcomes.failed) > 1 else ""
    return f"; {'the last was ' if more else ''}{wording.of_failure(newest)}{more}"


def _completed(situation: Situation) -> Saying:
    total, outcomes = situation.total, situation.outcomes
    if not total:
        message = f"there is nothing to run: {_none_of_the_other(situation)}"
        return Saying(phase=Phase.COMPLETED, reason=Reason.NOTHING_TO_RUN, message=message)
    if len(outcomes.succeeded) == total:
        message = f"all {total} cases succeeded" if total > 1 else "the only case succeeded"
        return Saying(phase=Phase.COMPLETED, reason=Reason.COMPLETED, message=message)
    failed = f", {len(outcomes.failed)} failed (`maxFailedCases` allows it)" if outcomes.failed else ""
    cancelled = f", {wording.were(len(outcomes.cancelled))} cancelled" if outcomes.cancelled else ""
    message = f"{len(outcomes.succeeded)} of {total} cases succeeded{failed}{cancelled}"
    return Saying(phase=Phase.COMPLETED, reason=Reason.FINISHED, message=message)


def _none_of_the_other(situation: Situation) -> str:
    spec = situation.job.spec
    if spec.rerun_of is None:
        return "there is no case"
    said = {RerunOutcome.FAILED: "has failed", RerunOutcome.CANCELLED: "was cancelled"}
    ends = " or ".join(said[outcome] for outcome in spec.rerun_of.outcomes)
    selected = " that `subset` names" if spec.subset is not None else ""
    return f'no case of the SimulationJob "{spec.rerun_of.name}"{selected} {ends}'
