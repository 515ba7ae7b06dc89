"""What a rule of the ladder decides."""

from dataclasses import dataclass

from simjob.api.status import Phase


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
