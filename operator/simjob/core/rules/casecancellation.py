"""`cancelCases`: some cases are cancelled for good, and the others run on.

A live case is written to `cancellingIndexes` before its pod is stopped, and to `cancelledIndexes` when the pod has
stopped. A case that is not live is written to `cancelledIndexes` at once. In either field it never starts again, also
if the request is removed. If every case is cancelled in this way, the whole job is cancelled (cancellation.py).
"""

from dataclasses import replace
from typing import Final

from simjob.api.names import Reason
from simjob.api.simulationjob import SimulationJob
from simjob.api.status import Status
from simjob.api.sweep.ranges import Ranges
from simjob.core.assessment import Situation, done
from simjob.core.attempts.judgement import Dropped, Ended, Live
from simjob.core.decision import Decision
from simjob.core.plan import Notice
from simjob.core.rules import cancellation
from simjob.core.status import reasonandmessage
from simjob.core.stopping import stop

# Maximum number of characters for the indexes in a warning.
_NAMED: Final = 200


def asked_for(job: SimulationJob) -> Ranges:
    """Return the cases in `cancelCases` that have no stored outcome and are not stored as cancelling."""
    wanted = job.spec.cancel_cases
    if not wanted:
        return Ranges()
    outcomes = job.status.outcomes
    return wanted.intersection(job.selection).minus(done(outcomes)).minus(outcomes.cancelling)


def applied(situation: Situation) -> Situation:
    """Return the situation with `cancelCases` applied to its outcomes and verdicts.

    A cancel of the whole job has precedence: then only the cases that are already being cancelled stay so.
    """
    job = situation.job
    stored, wanted = job.status.outcomes.cancelling, job.spec.cancel_cases
    if not (stored or wanted):
        return situation
    if cancellation.is_wanted(job):
        left = stored.intersection(situation.unfinished)
        return replace(situation, outcomes=replace(situation.outcomes, cancelling=left))
    latched = stored.union(wanted or Ranges()).intersection(situation.unfinished)
    live = Ranges.of(pod.index for pod in situation.live_pods)
    dropped = latched.minus(live)
    outcomes = replace(
        situation.outcomes,
        cancelled=situation.outcomes.cancelled.union(dropped),
        cancelling=latched.intersection(live),
    )
    verdicts = {
        index: Dropped() if index in dropped and not isinstance(verdict, Ended | Live) else verdict
        for index, verdict in situation.verdicts.items()
    }
    return replace(
        situation, outcomes=outcomes, unfinished=situation.unfinished.minus(dropped), verdicts=verdicts, dropped=dropped
    )


def latching(situation: Situation) -> Decision | None:
    """Return the decision that stores which live cases to stop, or that all are cancelled; None if it is stored."""
    job, outcomes = situation.job, situation.outcomes
    cancelling = outcomes.cancelling
    others = situation.selection.minus(outcomes.cancelled).minus(cancelling)
    if situation.selection and not others:
        attributed = situation.observed.attributed
        by = cancellation.requested_by(job.metadata, "cancelCases", attributed=attributed)
        return cancellation.latch(situation, by)
    if not cancelling.minus(job.status.outcomes.cancelling):
        return None
    pods = (pod for pod in situation.live_pods if pod.index in cancelling)
    return Decision(says=reasonandmessage.explain(situation), unlatched=stop.stop_pods(pods), look_again=situation.now)


def notices(job: SimulationJob, status: Status) -> tuple[Notice, ...]:
    """Return a warning about indexes in `cancelCases` that the job does not have, once for each generation.

    `status` is the new status: it may be the first one that knows the cases.
    """
    if not job.spec.cancel_cases:
        return ()
    stored = job.status
    cases = job.model_copy(update={"status": status}).selection
    unknown = job.spec.cancel_cases.minus(cases)
    is_reported = stored.observed_generation == job.metadata.generation and stored.case_table == status.case_table
    if not unknown or not cases or is_reported:
        return ()
    found = str(unknown)
    named = found if len(found) <= _NAMED else f"{found[:_NAMED]}…"
    note = f"`cancelCases` names cases that the job does not have: {named}; it has {cases}"
    return (Notice(reason=Reason.UNKNOWN_CASES, action="Cancel", note=note, warning=True),)
