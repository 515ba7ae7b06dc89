"""What asks to stop in the newest state that was seen of a SimulationJob."""

from typing import NamedTuple, Self

from simjob.api.simulationjob import Invalid, SimulationJob
from simjob.core.rules import cancellation


class StopSigns(NamedTuple):
    """The reasons why nothing new may be created for a SimulationJob."""

    gone: bool = False
    cancelled: bool = False
    cases_cancelled: bool = False
    suspended: bool = False

    @classmethod
    def of(cls, job: SimulationJob | Invalid | None, *, has_unlatched: bool) -> Self:
        """Read the signs. `has_unlatched`: it asks to cancel cases that its outcomes do not show yet."""
        if not isinstance(job, SimulationJob):
            return cls(gone=True)
        return cls(
            gone=job.metadata.deletion_timestamp is not None,
            cancelled=cancellation.is_wanted(job),
            cases_cancelled=has_unlatched,
            suspended=bool(job.spec.suspend),
        )

    @property
    def for_all(self) -> bool:
        """Return whether all cases must stop, not only some."""
        return self.gone or self.cancelled or self.suspended

    def since(self, known: "StopSigns") -> "StopSigns":
        """Return those that are not among `known`."""
        return StopSigns(*(now and not then for now, then in zip(self, known, strict=True)))
