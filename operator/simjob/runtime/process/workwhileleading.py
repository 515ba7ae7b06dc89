"""Run the work while this replica is the leader, and stop it otherwise. An outage ends the term, not the process."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Protocol


class Election(Protocol):
    """The part of the elector that `serve` uses; see runtime/process/leaderelection.py."""

    @property
    def is_leader(self) -> bool:
        """Return whether this replica is the leader, and so may write now."""
        ...

    async def acquired(self) -> None:
        """Wait until this replica is the leader."""
        ...

    async def lost(self) -> None:
        """Wait until this replica is no longer the leader."""
        ...

    def step_down(self) -> None:
        """End the term, after its work has stopped."""
        ...


async def serve(election: Election, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Call `work` in each term of this replica and cancel it at the end of the term; raise what `work` raises.

    Each term calls `work` again with no memory of the last one, because another leader may have changed everything.
    """
    while True:
        await election.acquired()
        async with asyncio.TaskGroup() as group:
            working = group.create_task(work())
            await election.lost()
            working.cancel()
        election.step_down()
