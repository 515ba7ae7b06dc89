"""The cases by outcome, as in `status.succeededIndexes` and the fields beside it."""

from dataclasses import dataclass, field

from simjob.api.sweep.ranges import Ranges


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcomes:
    """The cases by outcome. A case with an outcome never runs again.

    `cancelling`: cases in `cancelCases` that have not stopped yet. They have no outcome yet.
    """

    succeeded: Ranges = field(default_factory=Ranges)
    failed: Ranges = field(default_factory=Ranges)
    cancelled: Ranges = field(default_factory=Ranges)
    cancelling: Ranges = field(default_factory=Ranges)
