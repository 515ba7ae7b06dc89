"""The results of a plan's actions, recorded while they are carried out."""

from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from simjob.core.plan import Notice
from simjob.runtime.client.errors import ClusterError
from simjob.runtime.executing.creationgate import Gate


@dataclass(slots=True)
class PassOutcome:
    """The results of the actions of one pass.

    `gate`: the gate of the job, which records the results of creations.
    `begun`, `failed`: the calls that were started, and those of them that failed, as named by
    runtime/executing/backoff.py.
    `look_at`: when to plan again because a call was rejected, by the event loop's clock.
    `trouble`: the first error of a call that is not a creation.
    `notices`: Events to post.
    `overtaken`: a stop sign arrived before all calls were started.
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
        """Record the call as begun, and as failed if the block raises ClusterError."""
        self.begun.add(call)
        try:
            yield
        except ClusterError:
            self.failed.add(call)
            raise

    def look_again(self, at: float | None) -> None:
        """Plan again at this time at the latest. None changes nothing."""
        if at is not None:
            self.look_at = at if self.look_at is None else min(self.look_at, at)
