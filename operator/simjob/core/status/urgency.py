"""Which changes of a status must be written at once. The others may wait for the next write."""

from simjob.api.outcomes import Outcomes
from simjob.api.status import Cancellation, Status


def is_urgent(old: Status, new: Status) -> bool:
    """Return whether a status must be written at once: more has changed than counts, reason and message."""
    before = (old.phase, old.restarts, old.observed_generation, old.start_time, old.case_table)
    after = (new.phase, new.restarts, new.observed_generation, new.start_time, new.case_table)
    cancel = (old.cancellation is None) != (new.cancellation is None)
    return before != after or cancel or latches(old, new)


def latches(old: Status, new: Status) -> bool:
    """Return whether the new status is the first one with a cancel, of the job or of live cases."""
    return adds_latch(old, new.outcomes, new.cancellation)


def adds_latch(old: Status, outcomes: Outcomes, cancellation: Cancellation | None) -> bool:
    """Return the same of a status that is not made yet, by what it will say."""
    cases = outcomes.cancelling.minus(old.outcomes.cancelling)
    return bool(cases) or (cancellation is not None and old.cancellation is None)
