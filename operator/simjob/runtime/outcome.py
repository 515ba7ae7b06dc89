"""What came of a plan's actions, noted while they are carried out."""

from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from simjob.core.observed import Refusal
from simjob.core.plan import Notice
from simjob.runtime.errors import ClusterError


@dataclass(slots=True)
class Outcome:
    """What came of the actions.

    `created`: cases whose Job is there. `accepted`: a creation was taken. `trouble`: the first call that did not get
    through; what it was to make may be there all the same, and asking for the same name again is then success.
    `failed`: all calls that did not do what was asked, as runtime/backoff.py names them.
    `notices`: what is worth an Event. `overtaken`: not all was begun, since everything is to stop.
    """

    created: set[int] = field(default_factory=set)
    failed: set[Hashable] = field(default_factory=set)
    refusal: Refusal | None = None
    trouble: ClusterError | None = None
    accepted: bool = False
    notices: tuple[Notice, ...] = ()
    overtaken: bool = False

    @contextmanager
    def noting(self, call: Hashable) -> Iterator[None]:
        """Note the call as failed if the block raises ClusterError."""
        try:
            yield
        except ClusterError:
            self.failed.add(call)
            raise
