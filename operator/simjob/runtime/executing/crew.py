"""Run the calls of one pass within the request budget, with at most as many tasks as places, until a stop sign."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass

from simjob.runtime.client.key import Key
from simjob.runtime.client.requestbudget import Budget, Kind
from simjob.runtime.executing.unawaitedcalls import GLANCE, LONGEST, UnawaitedCalls

Call = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Leaving:
    """Lets a pass end before all of its calls have returned. `unawaited` keeps the calls that are still running.

    After ten seconds, or after a stop sign, the pass does not wait for creations. If `ended()` is true, all cases are
    to stop, and the pass waits for no call: it starts nothing afterwards that a late call could undo.
    """

    unawaited: UnawaitedCalls
    ended: Callable[[], bool]


class Crew:
    """Tasks that make the calls of each kind in their order.

    `overtaken` returns whether a stop sign has arrived. Without `leaving`, `work` waits for all calls.
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
        """Make all calls. After a stop sign, start no more and wait for those that run. Raise the first exception.

        When this returns, the only calls that still run are those left to `unawaited`. When it is cancelled, none runs.
        """
        defects: list[BaseException] = []
        # When a task fails, the other tasks make its remaining calls, or the tasks of the next round do.
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
                # Ask only now, when the place is held: no creation may be sent after a cancel was seen.
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
                self._leaving.unawaited.leave(self._key, task)

    def _glance(self) -> None:
        if any(self._calls.values()) and self._overtaken():
            for kind in self._calls:
                self._dismiss(kind)

    def _dismiss(self, kind: Kind) -> None:
        """Drop the remaining calls of a kind, and cancel the tasks that wait for a place for it."""
        self._calls[kind].clear()
        for task in self._waiting[kind]:
            task.cancel()
        self._waiting[kind].clear()
