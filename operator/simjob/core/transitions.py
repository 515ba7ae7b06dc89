"""What changed from one status to the next that is worth an Event."""

from typing import Final

from simjob.api.names import Reason
from simjob.api.ranges import Ranges
from simjob.api.status import Phase, Status
from simjob.core.plan import Notice

_TROUBLE: Final = frozenset(
    {
        Reason.UNSCHEDULABLE,
        Reason.IMAGE_PULL,
        Reason.CONTAINER_WAITING,
        Reason.JOB_REFUSED,
        Reason.POD_REFUSED,
        Reason.NOT_STOPPING,
        Reason.SOURCE_NOT_FOUND,
        Reason.TABLE_REFUSED,
    }
)


def transitions(old: Status, new: Status) -> tuple[Notice, ...]:
    """Returns a notice for a new phase or a new trouble, and one for cases that have just failed."""
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
    code = "" if first is None or first.exit_code is None else f", exit code {first.exit_code}"
    why = f"; case {first.index}: {first.reason}{code}" if first else ""
    return f"failed for good: cases {failed}{why}"
