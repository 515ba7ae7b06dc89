"""What came of a plan's actions, noted while they are carried out."""

from dataclasses import dataclass, field

from simjob.core.observed import Refusal
from simjob.core.plan import Notice
from simjob.runtime.errors import ClusterError


@dataclass(slots=True)
class Outcome:
    """What came of the actions.

    `created`: cases whose Job is there. `accepted`: a creation was taken. `trouble`: the first call that did not get
    through; what it was to make may be there all the same, and asking for the same name again is then success.
    `notices`: what is worth an Event. `overtaken`: not all was begun, since everything is to stop.
    """

    created: set[int] = field(default_factory=set)
    refusal: Refusal | None = None
    trouble: ClusterError | None = None
    accepted: bool = False
    notices: tuple[Notice, ...] = ()
    overtaken: bool = False
