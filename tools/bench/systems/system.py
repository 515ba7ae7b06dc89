"""What a scenario asks of a system; each system is one file beside this one."""

from typing import Protocol

from bench.children import Child
from bench.report.timeline import Change, Key, Sweep
from bench.shape import Shape


class System(Protocol):
    """A system under measurement. One instance lives for one trial.

    `asks` names its requests in the audit log (bench.audit.who), `sweeps` is the path of its own objects, `health` the
    address of its probe; "" if it has none.
    """

    name: str
    asks: str
    sweeps: str
    health: str

    async def start(self) -> None:
        """Start its process, if it has one, and wait until it works."""
        ...

    async def stop(self) -> None:
        """End its process."""
        ...

    @property
    def child(self) -> Child | None:
        """Its process, whose memory and CPU time are measured."""
        ...

    async def create(self, key: Key, shape: Shape) -> float:
        """Ask for a sweep; return the monotonic time at which that was sent."""
        ...

    async def cancel(self, key: Key) -> float:
        """Ask for its end; return the monotonic time at which that was sent."""
        ...

    def said_cancelled(self, sweep: Sweep) -> Change | None:
        """Give the change by which the system said that everything has stopped."""
        ...
