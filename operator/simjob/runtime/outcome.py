"""What came of a plan's actions, noted while they are carried out."""

from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from simjob.core.plan import Notice
from simjob.runtime.errors import ClusterError
from simjob.runtime.gate import Gate


@dataclass(slots=True)
class Outcome:
    """What came of the actions. `gate` is the job's, and takes what came of creations.

    `trouble`: the first call, beside those that create, that did not get through.
    `failed`: all such calls, as runtime/backoff.py names them.
    `notices`: what is worth an Event. `overtaken`: not all was begun, since everything is to stop.
    """

    gate: Gate
    failed: set[Hashable] = field(default_factory=set)
    trouble: ClusterError | None = None
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
