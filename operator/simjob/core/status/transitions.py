"""What changed from one status to the next: what is worth an Event, and what must be written at once."""

from typing import Final

from simjob.api.names import Reason
from simjob.api.status import Phase, Status
from simjob.api.sweep.ranges import Ranges
from simjob.core.plan import Notice
from simjob.core.status import wording

_TROUBLE: Final = frozenset(
    {
        Reason.UNSCHEDULABLE,
        Reason.IMAGE_PULL,
        Reason.CONTAINER_WAITING,
        Reason.JOB_REFUSED,
        Reason.POD_REFUSED,
        Reason.API_UNAVAILABLE,
        Reason.NOT_STOPPING,
        Reason.SOURCE_NOT_FOUND,
        Reason.CASES_UNREADABLE,
        Reason.RERUN_NOT_FOUND,
        Reason.TABLE_REFUSED,
        Reason.UNREADABLE_SPEC,
    }
)


def is_urgent(old: Status, new: Status) -> bool:
    """Return whether a status must be written at once: whatever is more than counts, a reason and a sentence."""
    before = (old.phase, old.round, old.observed_generation, old.start_time, old.case_table)
    after = (new.phase, new.round, new.observed_generation, new.start_time, new.case_table)
    cancel = (old.cancellation is None) != (new.cancellation is None)
    return before != after or cancel or latches(old, new)


def latches(old: Status, new: Status) -> bool:
    """Return whether a cancel, of the job or of cases that are live, is written down for the first time."""
    cases = (new.ledger.cancelling or Ranges()).minus(old.ledger.cancelling or Ranges())
    return bool(cases) or (new.cancellation is not None and old.cancellation is None)


def transitions(old: Status, new: Status) -> tuple[Notice, ...]:
    """Return a notice for a new phase or a new trouble, and one for cases that have just failed."""
    found: list[Notice] = []
    failed = new.ledger.failed.minus(old.ledger.failed)
    if failed:
        found.append(Notice(reason=Reason.CASES_FAILED, action="Count", note=_failed(failed, new), warning=True))
    trouble = new.reason in _TROUBLE
    if new.phase is not None and (new.phase is not old.phase or (trouble and new.reason != old.reason)):
        warning = trouble or new.phase is Phase.FAILED
        note = new.message or ""
        found.append(Notice(reason=new.reason or "", action=new.phase.capitalize(), note=note, warning=warning))
    return tuple(found)


def _failed(failed: Ranges, new: Status) -> str:
    first = next((failure for failure in new.failures if failure.index in failed), None)
    if first is None:
        return f"failed for good: cases {failed}"
    return f"failed for good: cases {failed}; {wording.of_failure(first)}"
