"""The decision of a rule: phase and message, facts for the status, and actions. core/conclusion.py makes the plan."""

from dataclasses import dataclass
from datetime import datetime

from simjob.api.failures import Failure, Retrying
from simjob.api.outcomes import Outcomes
from simjob.api.status import Cancellation, CaseCounts, Phase
from simjob.api.sweep.stored import CaseTable
from simjob.core.facts.jobs import JobFact
from simjob.core.facts.pods import PodFact
from simjob.core.plan import Action, DeletePod, Notice


@dataclass(frozen=True, slots=True, kw_only=True)
class Saying:
    """The phase that a rule decides on, with reason, message and error code.

    `stalled`: the job has not ended, and cannot go on until a person does something.
    `queued`: a queue holds all cases that could run.
    """

    phase: Phase
    reason: str
    message: str
    error_code: str | None = None
    stalled: bool = False
    queued: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """The stored status stays. `observed`: the generation of the spec that it is kept for; None for the stored one."""

    observed: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a rule returns.

    `says`: what to write into the status; None if there is no status to write.
    `outcomes`, `cancellation`, `restarts`, `cases`: new values; None keeps the situation's or the stored ones.
    `case_table`: where the cases are stored, in the pass that learns it.
    `failures`: failed cases beside those that ended by themselves; newest first.
    `retrying`: the cases that wait for their next attempt, if attempts are started.
    `look_again`: when to plan again even if no event arrives; None to wait for an event. The other fields are those of
    Plan.
    """

    actions: tuple[Action, ...] = ()
    says: Saying | Keeping | None = None
    outcomes: Outcomes | None = None
    cancellation: Cancellation | None = None
    restarts: int | None = None
    cases: CaseCounts | None = None
    case_table: CaseTable | None = None
    failures: tuple[Failure, ...] = ()
    retrying: Retrying | None = None
    notices: tuple[Notice, ...] = ()
    needs_proof: bool = False
    unlatched: tuple[DeletePod, ...] = ()
    unstarted: tuple[PodFact, ...] = ()
    held: tuple[JobFact, ...] = ()
    look_again: datetime | None = None
