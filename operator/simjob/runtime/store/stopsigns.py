"""The stop signs of a SimulationJob: a deletion, a cancel, or a suspension in its newest known state."""

from typing import NamedTuple, Self

from simjob.api.simulationjob import Invalid, SimulationJob
from simjob.api.sweep.ranges import Ranges
from simjob.core.rules import cancellation


class StopSigns(NamedTuple):
    """The reasons why nothing new may be created for a SimulationJob.

    `cases_cancelled`: the cases in `cancelCases` that the outcomes do not have yet.
    """

    gone: bool = False
    cancelled: bool = False
    cases_cancelled: Ranges = Ranges()
    suspended: bool = False

    @classmethod
    def of(cls, job: SimulationJob | Invalid | None, *, unlatched: Ranges) -> Self:
        """Read the signs. `unlatched`: see `cases_cancelled`."""
        if not isinstance(job, SimulationJob):
            return cls(gone=True)
        return cls(
            gone=job.metadata.deletion_timestamp is not None,
            cancelled=cancellation.is_wanted(job),
            cases_cancelled=unlatched,
            suspended=bool(job.spec.suspend),
        )

    @property
    def for_all(self) -> bool:
        """Return whether all cases must stop, not only some."""
        return self.gone or self.cancelled or self.suspended

    def since(self, known: "StopSigns") -> "StopSigns":
        """Return the stop signs that are not in `known`."""
        return StopSigns(
            gone=self.gone and not known.gone,
            cancelled=self.cancelled and not known.cancelled,
            cases_cancelled=self.cases_cancelled.minus(known.cases_cancelled),
            suspended=self.suspended and not known.suspended,
        )
