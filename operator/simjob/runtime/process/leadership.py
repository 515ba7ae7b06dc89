"""Works while this replica leads and stops when it does not, so that an outage costs a term and not the process."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Protocol


class Election(Protocol):
    """What is asked of the election; see runtime/process/election.py."""

    @property
    def is_leader(self) -> bool:
        """Whether this replica may write now."""
        ...

    async def acquired(self) -> None:
        """Wait until this replica leads."""
        ...

    async def lost(self) -> None:
        """Wait until this replica leads no more."""
        ...

    def step_down(self) -> None:
        """End the term: nothing of it works any more."""
        ...


async def serve(election: Election, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run `work` in each term of this replica, cancelled at the term's end; raises what `work` raises.

    Each term begins with a new call of `work`: what an earlier one knew, another leader may have changed since.
    """
    while True:
        await election.acquired()
        async with asyncio.TaskGroup() as group:
            working = group.create_task(work())
            await election.lost()
            working.cancel()
        election.step_down()
