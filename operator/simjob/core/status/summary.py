"""From a situation and what a rule says of it to the whole status: counts, ledger, failures, conditions."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from simjob.api import conditions
from simjob.api.conditions import Condition, Truth
from simjob.api.failures import MAX_FAILURES, Failure, Retrying
from simjob.api.names import ErrorCode, Reason
from simjob.api.status import MAX_STATUS_MESSAGE, Cancellation, CaseCounts, Ledger, Phase, Status
from simjob.api.sweep.ranges import Ranges
from simjob.core.assessment import Situation, done
from simjob.core.attempts import usage
from simjob.core.facts.pods import PodState

_RESYNC: Final = timedelta(seconds=60)
_LONGEST: Final = 1024
_LONGEST_NAME: Final = 63


@dataclass(frozen=True, slots=True, kw_only=True)
class Saying:
    """What a rule concludes for people and programs: the phase, and why it is so.

    `stalled`: the job cannot go on until somebody does something, although it has not ended.
    """

    phase: Phase
    reason: str
    message: str
    error_code: str | None = None
    stalled: bool = False


def resync_at(now: datetime) -> datetime:
    """Return when to look at an unfinished job although nothing was seen to change."""
    return now + _RESYNC


def active_phase(situation: Situation) -> Phase:
    """Return the phase of a job that is neither at an end, nor suspended, nor being cancelled."""
    before = situation.job.status.phase
    ran = before is Phase.RUNNING or situation.ledger.succeeded or situation.has_pod(PodState.RUNNING)
    # A case that failed may never have run: no node was found in time, or its container did not start.
    failed = any(ended.exit_code is not None for _, ended in situation.ended)
    if ran or failed or (before is Phase.SUSPENDED and situation.ledger.failed):
        return Phase.RUNNING
    return Phase.ASSIGNED if situation.has_pod(PodState.ASSIGNED) else Phase.PENDING


def summarize(
    situation: Situation,
    saying: Saying,
    *,
    ledger: Ledger | None = None,
    cancellation: Cancellation | None = None,
    round_: int | None = None,
    failures: tuple[Failure, ...] = (),
    retrying: Retrying | None = None,
) -> Status:
    """Return the whole status. What is not given is the situation's or stays as stored.

    `failures`: failed cases beside those that ended by themselves; newest first.
    `retrying`: the cases that wait for their next attempt, if attempts are started.
    """
    job, now, stored = situation.job, situation.now, situation.job.status
    ledger = ledger or situation.ledger
    counts = _counts(situation, ledger)
    return Status(
        observed_generation=job.metadata.generation,
        phase=saying.phase,
        reason=saying.reason,
        message=saying.message[:MAX_STATUS_MESSAGE],
        error_code=saying.error_code,
        is_terminal=saying.phase.is_terminal,
        is_failed=saying.phase is Phase.FAILED,
        conditions=set_conditions(stored.conditions, saying, job.metadata.generation, now),
        cancellation=cancellation or stored.cancellation,
        cases=counts,
        progress=_progress(counts),
        ledger=ledger,
        case_table=stored.case_table,
        failures=newest_failures(situation, failures),
        retrying=retrying,
        results=stored.results,
        pods_accepted=situation.pods_accepted,
        compute_time=usage.counted(job, situation.open, ledger),
        suspended_seconds=_suspended_so_far(stored, saying.phase, now),
        # The API server's time is known to a part of a second only: a job must not have started before it was made.
        start_time=stored.start_time or max(now, job.metadata.creation_timestamp or now),
        completion_time=now if saying.phase.is_terminal else None,
        round=stored.round if round_ is None else round_,
    )


def restated(stored: Status, saying: Saying, generation: int, now: datetime) -> Status:
    """Return the stored status with another saying. Counts and ledger stay: nothing is concluded about the cases."""
    terminal = saying.phase.is_terminal
    return stored.model_copy(
        update={
            "observed_generation": generation,
            "phase": saying.phase,
            "reason": saying.reason,
            "message": saying.message[:MAX_STATUS_MESSAGE],
            "error_code": saying.error_code,
            "is_terminal": terminal,
            "is_failed": saying.phase is Phase.FAILED,
            "retrying": None,
            "conditions": set_conditions(stored.conditions, saying, generation, now),
            "completion_time": now if terminal else None,
        }
    )


def before_ends(situation: Situation, new: Status) -> Status:
    """Return the new status without what has ended since the stored one: for a write that waits for no results."""
    stored = situation.job.status
    # What is latched stays so until its end is stored, too.
    latched = (stored.ledger.cancelling or Ranges()).union(new.ledger.cancelling or Ranges())
    ledger = stored.ledger.model_copy(update={"cancelling": latched or None})
    counts = _counts(situation, ledger)
    kept = {"ledger": ledger, "failures": stored.failures, "compute_time": stored.compute_time}
    return new.model_copy(update={**kept, "cases": counts, "progress": _progress(counts)})


def _progress(counts: CaseCounts) -> str:
    return f"{counts.succeeded + counts.failed}/{counts.total}"


def _counts(situation: Situation, ledger: Ledger) -> CaseCounts:
    closed = done(ledger)
    live = [pod for case in situation.open if case.index not in closed for pod in case.live_pods]
    on_node = {pod.index for pod in live if pod.state is not PodState.PENDING}
    running = len({pod.index for pod in live if pod.state is PodState.RUNNING})
    assigned = len(on_node) - running
    return CaseCounts(
        total=situation.total,
        pending=situation.total - len(closed) - running - assigned,
        assigned=assigned,
        running=running,
        succeeded=len(ledger.succeeded),
        failed=len(ledger.failed),
        cancelled=len(ledger.cancelled),
    )


def suspended_seconds(status: Status, now: datetime) -> int:
    """Return how long the job was suspended or its spec could not be read, all such times together, also one now."""
    since = _held_since(status)
    current = max(int((now - since).total_seconds()), 0) if since else 0
    return (status.suspended_seconds or 0) + current


def _held_since(status: Status) -> datetime | None:
    """Return since when the job is suspended, or its spec cannot be read; None if it can be worked on."""
    if status.phase is Phase.SUSPENDED:
        found = conditions.find_condition(status.conditions, conditions.SUSPENDED)
    elif status.reason == Reason.UNREADABLE_SPEC:
        found = conditions.find_condition(status.conditions, conditions.STALLED)
    else:
        return None
    return found.last_transition_time if found else None


def _suspended_so_far(stored: Status, phase: Phase, now: datetime) -> int | None:
    # Such a time is added once, in the write that ends it.
    goes_on = stored.phase is Phase.SUSPENDED and phase is Phase.SUSPENDED
    return stored.suspended_seconds if goes_on or _held_since(stored) is None else suspended_seconds(stored, now)


def newest_failures(situation: Situation, others: tuple[Failure, ...] = ()) -> tuple[Failure, ...]:
    """Return the newest failed cases, newest first: `others`, those that have just ended, those that are stored."""
    return (*others, *_new_failures(situation), *situation.job.status.failures)[:MAX_FAILURES]


def _new_failures(situation: Situation) -> tuple[Failure, ...]:
    return tuple(
        Failure(
            index=case.index,
            name=(case.job.case_name or None) if case.job else None,
            error_code=ended.error_code or ErrorCode.CASE_FAILED,
            exit_code=ended.exit_code,
            container=ended.container[:_LONGEST_NAME] or None,
            reason=ended.reason[:_LONGEST] or None,
            message=ended.message[:_LONGEST] or None,
            finished_at=situation.now,
        )
        for case, ended in situation.ended
        if not ended.succeeded
    )


def set_conditions(
    stored: tuple[Condition, ...], saying: Saying, generation: int, now: datetime
) -> tuple[Condition, ...]:
    """Return all conditions as the phase has them; a transition time changes only with its status."""
    phase = saying.phase
    terminal = phase.is_terminal
    succeeded: Truth = "Unknown"
    if terminal:
        succeeded = "True" if phase is Phase.COMPLETED else "False"
    truths: dict[str, Truth] = {
        conditions.FINISHED: _truth(terminal),
        conditions.SUCCEEDED: succeeded,
        conditions.CANCELLED: _truth(phase is Phase.CANCELLED),
        conditions.SUSPENDED: _truth(phase is Phase.SUSPENDED),
        conditions.RECONCILING: _truth(not (terminal or saying.stalled) and phase is not Phase.SUSPENDED),
        conditions.STALLED: _truth(saying.stalled or phase is Phase.FAILED),
    }
    for type_, truth in truths.items():
        stored = conditions.set_condition(
            stored,
            type_,
            truth,
            reason=saying.reason,
            message=saying.message[:MAX_STATUS_MESSAGE],
            generation=generation,
            now=now,
        )
    return stored


def _truth(value: bool) -> Truth:
    return "True" if value else "False"
