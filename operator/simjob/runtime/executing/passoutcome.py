"""What came of a plan's actions, noted while they are carried out."""

from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from simjob.core.plan import Notice
from simjob.runtime.client.errors import ClusterError
from simjob.runtime.executing.creationgate import Gate


@dataclass(slots=True)
class PassOutcome:
    """What came of the actions. `gate` is the job's, and takes what came of creations.

    `trouble`: the first call, beside those that create, that did not get through.
    `begun`: the calls that were begun, as runtime/executing/backoff.py names them; `failed`: those of them that did not
    get through. `look_at`: when to plan again because of a call that was refused, by the event loop's clock.
    `notices`: what is worth an Event. `overtaken`: not all was begun, since everything is to stop.
    """

    gate: Gate
    begun: set[Hashable] = field(default_factory=set)
    failed: set[Hashable] = field(default_factory=set)
    look_at: float | None = None
    trouble: ClusterError | None = None
    notices: tuple[Notice, ...] = ()
    overtaken: bool = False

    @contextmanager
    def noting(self, call: Hashable) -> Iterator[None]:
        """Note the call as begun, and as failed if the block raises ClusterError."""
        self.begun.add(call)
        try:
            yield
        except ClusterError:
            self.failed.add(call)
            raise

    def look_again(self, at: float | None) -> None:
        """Take note of a time at which to plan again; None for no such time."""
        if at is not None:
            self.look_at = at if self.look_at is None else min(self.look_at, at)
