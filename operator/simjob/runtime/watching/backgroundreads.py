"""Read in the background, and rarely, what only another request can say, such as why a pod does not start.

When a reason is new, the key is queued.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, Generic, Protocol, TypeVar

from simjob.runtime.client.key import Key
from simjob.runtime.store.workqueue import WorkQueue


class Subject(Protocol):
    """What a reason is about."""

    @property
    def uid(self) -> str:
        """Return its uid."""
        ...


# Seconds. A pass plans the next one before its read begins, so the next one comes a moment too early.
_EARLY: Final = 1.0

S = TypeVar("S", bound=Subject)


@dataclass(slots=True)
class _Known:
    """The last reads for one SimulationJob, by uid: their texts, and their times by the event loop's clock."""

    texts: dict[str, str] = field(default_factory=dict)
    read_at: dict[str, float] = field(default_factory=dict)
    task: asyncio.Task[None] | None = None

    @property
    def known_texts(self) -> Mapping[str, str]:
        """Return the texts that are not empty."""
        return {uid: text for uid, text in self.texts.items() if text}


class BackgroundReads(ABC, Generic[S]):
    """The reasons of some subjects of each SimulationJob. A reason is read again after `between`."""

    def __init__(self, queue: WorkQueue, between: timedelta) -> None:
        self._queue = queue
        self._between = between.total_seconds()
        self._known: dict[Key, _Known] = {}

    @abstractmethod
    async def _read(self, subjects: Sequence[S]) -> Mapping[str, str]:
        """Return the reasons by uid, an empty text if there is none. Leave out those that could not be read.

        All subjects belong to one SimulationJob.
        """

    def words(self, key: Key) -> Mapping[str, str]:
        """Return the last known reasons by uid; empty text if there is none."""
        found = self._known.get(key)
        return dict(found.texts) if found else {}

    def ask(self, key: Key, subjects: Sequence[S]) -> None:
        """Start to read the reasons that were not read recently. Drop those of all other subjects of the key."""
        if not subjects:
            self.forget(key)
            return
        known = self._known.setdefault(key, _Known())
        wanted = {subject.uid for subject in subjects}
        known.texts = {uid: text for uid, text in known.texts.items() if uid in wanted}
        known.read_at = {uid: time for uid, time in known.read_at.items() if uid in wanted}
        due = [subject for subject in subjects if self._is_due(known.read_at.get(subject.uid))]
        if due and (known.task is None or known.task.done()):
            known.task = asyncio.create_task(self._note(key, known, due))

    def forget(self, key: Key) -> None:
        """Drop the reasons of a SimulationJob, and cancel their read."""
        known = self._known.pop(key, None)
        if known and known.task:
            known.task.cancel()

    def close(self) -> None:
        """Cancel all reads."""
        for key in list(self._known):
            self.forget(key)

    async def _note(self, key: Key, known: _Known, subjects: Sequence[S]) -> None:
        before, began = known.known_texts, asyncio.get_running_loop().time()
        for subject in subjects:
            known.read_at[subject.uid] = began
        known.texts.update(await self._read(subjects))
        if known.known_texts != before:
            self._queue.add(key)

    def _is_due(self, read_at: float | None) -> bool:
        return read_at is None or asyncio.get_running_loop().time() >= read_at + self._between - _EARLY
