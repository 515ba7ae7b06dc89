"""The decision of a rule: the phase, its reason and its message."""

from dataclasses import dataclass

from simjob.api.status import Phase


@dataclass(frozen=True, slots=True, kw_only=True)
class Saying:
    """The phase that a rule decides on, with reason, message and error code.

    `stalled`: the job has not ended, and cannot go on until a person does something.
    """

    phase: Phase
    reason: str
    message: str
    error_code: str | None = None
    stalled: bool = False
