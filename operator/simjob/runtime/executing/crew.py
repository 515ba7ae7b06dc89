"""Makes the calls of one pass in places of the budget, with no more tasks than places, until a stop sign comes."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass

from simjob.runtime.client.budget import Budget, Kind
from simjob.runtime.client.key import Key
from simjob.runtime.executing.patience import GLANCE, LONGEST, Patience

Call = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Leaving:
    """Which calls are not waited for: `patience` takes them.

    After ten seconds, or a stop sign, those that create. If `ended` returns that all cases are to stop, all: nothing
    follows that a late call of this pass could undo.
    """

    patience: Patience
    ended: Callable[[], bool]


class Crew:
    """Tasks that take the calls of a kind in their order. `overtaken` returns whether a stop sign has come.

    Without `leaving` all calls are waited for.
    """

    def __init__(
        self,
        budget: Budget,
        key: Key,
        calls: Mapping[Kind, Iterable[Call]],
        overtaken: Callable[[], bool],
        leaving: Leaving | None = None,
    ) -> None:
        self._budget = budget
        self._key = key
        self._calls = {kind: deque(row) for kind, row in calls.items()}
        self._overtaken = overtaken
        self._leaving = leaving
        self._waiting: dict[Kind, set[asyncio.Task[None]]] = {kind: set() for kind in self._calls}

    async def work(self) -> None:
        """Make all calls; after a stop sign only end those that are under way. Raise the first exception at the end.

        No call is under way when this returns but those that were left, and none when it is cancelled.
        """
        defects: list[BaseException] = []
        # A task that fails leaves what is left to the others, or to the next ones.
        while kinds := [kind for kind, row in self._calls.items() for _ in range(self._number(kind, row))]:
            hands = [(kind, asyncio.create_task(self._hand(kind))) for kind in kinds]
            tasks, creations = {task for _, task in hands}, {task for kind, task in hands if kind is Kind.CREATION}
            until = asyncio.get_running_loop().time() + LONGEST
            try:
                while tasks:
                    done, tasks = await asyncio.wait(tasks, timeout=GLANCE)
                    defects += [end for task in done if not task.cancelled() and (end := task.exception())]
                    self._glance()
                    if tasks and self._leaves(until, only_creations=tasks <= creations):
                        self._leave(tasks)
                        tasks = set()
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
        if defects:
            raise defects[0]

    def _number(self, kind: Kind, row: deque[Call]) -> int:
        return min(len(row), self._budget.most(kind))

    async def _hand(self, kind: Kind) -> None:
        row, task = self._calls[kind], asyncio.current_task()
        while row and task:
            self._waiting[kind].add(task)
            async with self._budget.place(kind, self._key):
                self._waiting[kind].discard(task)
                # Asked when its turn has come, not before: no creation is sent after a cancel was seen.
                if self._overtaken():
                    self._dismiss(kind)
                    return
                call = row.popleft()
                if not row:
                    self._dismiss(kind)
                await call()

    def _leaves(self, until: float, *, only_creations: bool) -> bool:
        if self._leaving is None:
            return False
        late = self._overtaken() or asyncio.get_running_loop().time() >= until
        return (only_creations and late) or self._leaving.ended()

    def _leave(self, tasks: set[asyncio.Task[None]]) -> None:
        for kind in self._calls:
            self._dismiss(kind)
        for task in tasks:
            if self._leaving:
                self._leaving.patience.leave(self._key, task)

    def _glance(self) -> None:
        if any(self._calls.values()) and self._overtaken():
            for kind in self._calls:
                self._dismiss(kind)

    def _dismiss(self, kind: Kind) -> None:
        """Drop what is left of a kind, and those who wait for a place for it."""
        self._calls[kind].clear()
        for task in self._waiting[kind]:
            task.cancel()
        self._waiting[kind].clear()
