"""What is worth an Event when one status follows another."""

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


def of_change(old: Status, new: Status) -> tuple[Notice, ...]:
    """Return the Events for a change of status: a new phase, a new problem, cases that have just failed."""
    found: list[Notice] = []
    failed = new.outcomes.failed.minus(old.outcomes.failed)
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
