"""Before the first Job: the cases are checked, and copied to the case table if the spec does not hold them itself.

A sample design, a user's table and another job's cases are copied once (runtime/tables/preparing.py). From then on only
`status.caseTable` counts, so that a change of the source cannot change a running sweep.
"""

from datetime import timedelta
from typing import Final

from simjob.api.names import ErrorCode, Reason
from simjob.api.status import Phase
from simjob.api.sweep.ranges import Ranges
from simjob.api.sweep.stored import CaseTable
from simjob.core import assessment as situations
from simjob.core.assessment import Situation
from simjob.core.cases import check
from simjob.core.decision import Decision, Saying
from simjob.core.observed.preparation import Unprepared
from simjob.core.plan import PrepareCases, resync_at
from simjob.core.rules import totalseconds
from simjob.core.status import reasonandmessage, wholestatus
from simjob.core.stopping import earlyend

# The first and the longest delay between two reads of a source that is missing or wrong; the delay doubles.
PAUSE: Final = timedelta(seconds=2)
LONGEST_PAUSE: Final = timedelta(seconds=15)


def accepting(situation: Situation) -> Decision | None:
    """Check the cases and copy them to the case table if needed; None when that is done."""
    job = situation.job
    if unknown := _unknown(situation):
        total = len(job.indexes or ())
        message = f"`subset` names case {next(iter(unknown))}, but there are {total} cases, numbered from 0"
        return _refused(situation, Reason.INVALID_SPEC, message)
    if _has_started_nothing(situation) and (complaint := check.complaint_about(job)):
        return _refused(situation, Reason.INVALID_SPEC, complaint)
    if not job.spec.needs_table or job.status.case_table is not None:
        return None
    match situation.observed.prepared:
        case CaseTable() as table:
            return _accepted(situation, table)
        case Unprepared(permanent=True) as found if _has_started_nothing(situation):
            return _refused(situation, found.reason, found.message)
        case found:
            # Also a permanent fault, if children exist: the status was lost, and the source may have changed since.
            return _preparing(situation, found)


def _has_started_nothing(situation: Situation) -> bool:
    """Return whether the cases can still be refused. A job that has started a case goes on, whatever its spec."""
    status = situation.job.status
    # A job that a queue holds is PENDING, also if some of its cases have ended.
    outcomes = status.outcomes
    has_ended_some = outcomes.succeeded or outcomes.failed or outcomes.cancelled
    is_new = status.phase in (None, Phase.PENDING) and status.restarts == 0
    return is_new and not has_ended_some and not situation.observed.cases


def _unknown(situation: Situation) -> Ranges | None:
    """Return the indexes in `subset` that do not exist; None if unknown. For `rerunOf`, all exist in the old job."""
    job = situation.job
    if job.spec.subset is None or job.spec.rerun_of is not None or job.indexes is None:
        return None
    return job.spec.subset.minus(job.indexes)


def _accepted(situation: Situation, table: CaseTable) -> Decision:
    """Return the decision that stores where the cases are. The next plan reads it from the stored status."""
    known = situations.with_cases(situation, table)
    return Decision(says=reasonandmessage.explain(known), case_table=table, look_again=situation.now)


def _preparing(situation: Situation, found: Unprepared | None) -> Decision:
    now = situation.now
    saying = Saying(
        phase=wholestatus.active_phase(situation),
        reason=found.reason if found else Reason.PREPARING,
        message=found.message if found else "the cases are being copied to the case table",
        # Only a corrected table helps. A missing table or job may be about to be created, so it does not stall.
        stalled=found is not None and found.reason == Reason.CASES_UNREADABLE,
    )
    due = found.at + _pause(found.tries) if found else now
    waits = now < due
    again = due if waits else resync_at(now)
    if (over_at := totalseconds.over_at(situation)) is not None:
        again = min(again, over_at)
    return Decision(
        actions=() if waits else (PrepareCases(),),
        says=saying,
        look_again=again,
    )


def _pause(tries: int) -> timedelta:
    """Return the delay before the next read of the source, after `tries` reads in a row with the same result."""
    doublings = min(tries - 1, 10)
    return min(PAUSE * (1 << doublings), LONGEST_PAUSE)


def _refused(situation: Situation, reason: str, message: str) -> Decision:
    return earlyend.fail(situation, reason=reason, message=message, error_code=ErrorCode.INVALID_SPEC)
