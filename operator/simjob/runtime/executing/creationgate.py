"""Which cases of one job may be created now: what was refused or not answered waits, and the others do not.

A refusal closes the gate for all cases: then a single creation is tried after growing waits, another case first, until
one is accepted. A case that the API server's validation refuses stays aside when the others go on; it is tried again by
itself, and forgotten when it has an outcome. An answer that did not come, or was an error of the server, delays its own
case only, unless there are many in a row; a case that gets nothing else is named while the others go on. Times are the
event loop's, which do not jump as a wall clock may.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Container, Iterator, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from simjob.core.observed.refusedcreation import Refusal
from simjob.core.plan import Action, CreateCase, StartAttempt

_DELAYS: Final = (1.0, 2.0, 4.0, 8.0, 10.0)
# Errors of the server in a row, with nothing accepted in between, that close the gate.
_BURST: Final = 8
# Seconds that errors of the server last before status shows them.
_LASTING: Final = 3.0
# Seconds after which a case that is not tried again is forgotten.
_STALE: Final = 60.0
# Seconds without a refusal by validation after which the next one is the first of a new row.
_PAUSE: Final = 3 * _DELAYS[-1]
# Seconds after which status shows a creation that was not answered. The API server gives a webhook 10 s by default, and
# its own words are better.
_SILENT: Final = 11.0
_NEVER: Final = float("-inf")


@dataclass(frozen=True, slots=True)
class Attempt:
    """A creation that was sent, and how often the gate had been closed before."""

    index: int
    number: int
    sent_at: float


@dataclass(frozen=True, slots=True)
class Pause:
    """Errors in a row of one case's creation: how many, since when, the last one, and until when the case waits."""

    until: float
    times: int
    since: float
    last: Refusal

    def is_lasting(self, now: float) -> bool:
        """Return whether the case has met nothing but errors for a while."""
        return now - self.since >= _LASTING


@dataclass(frozen=True, slots=True)
class _Row:
    """Refusals by validation in a row: of which cases, since when, until when."""

    cases: frozenset[int] = frozenset()
    since: float = _NEVER
    until: float = _NEVER

    def plus(self, one: Attempt, now: float) -> "_Row":
        """Return the row with one more, or a new row if nothing was refused for long before it was sent."""
        if one.sent_at - self.until > _PAUSE:
            return _Row(frozenset({one.index}), now, now)
        return _Row(self.cases | {one.index}, self.since, now)


class Gate:
    """One job's. `refusal_seconds`: how long a refusal by validation must repeat to have lasted."""

    def __init__(self, refusal_seconds: float) -> None:
        self._created: set[int] = set()
        self._refusal_seconds = refusal_seconds
        self._refusal: Refusal | None = None
        self._number = 0
        self._closed = False
        self._until = _NEVER
        self._times = 0
        self._freed = 0
        self._aside: OrderedDict[int, Refusal] = OrderedDict()
        self._aside_until = _NEVER
        self._aside_times = 0
        self._paused: dict[int, Pause] = {}
        self._under_way: dict[int, Attempt] = {}
        self._errors = 0
        self._errors_since: float | None = None
        self._invalid = _Row()
        self._looked_at: float | None = None

    def look(self, over: Container[int] = ()) -> None:
        """Take note that a plan begins: what waits now must come back, even if its time comes before the plan ends.

        `over`: cases that are not created any more. They are forgotten.
        """
        now = self._looked_at = _now()
        for index in [index for index, pause in self._paused.items() if index in over or pause.until + _STALE < now]:
            del self._paused[index]
        for index in [index for index in self._aside if index in over]:
            del self._aside[index]
        if self._refusal and self._refusal.index in over and not self._closed:
            self._say_what_is_left()

    @property
    def refusal(self) -> Refusal | None:
        """What is to be said of creations, None while they work."""
        if self._refusal is not None:
            return self._refusal
        slow = next((one for one in self._under_way.values() if _now() - one.sent_at >= _SILENT), None)
        if slow is None:
            return None
        message = f"the API server has not answered for {_SILENT:.0f} s; does it wait for an admission webhook?"
        return Refusal(index=slow.index, kind="Job or Pod", message=message, unavailable=True)

    @property
    def under_way(self) -> Set[int]:
        """The cases whose creation has not been answered, or with an error: their pods may be there all the same."""
        now = _now()
        return frozenset(self._under_way) | {index for index, pause in self._paused.items() if pause.until > now}

    @property
    def waiting(self) -> Set[int]:
        """The refused cases that may not be tried now although others may."""
        turn = next(iter(self._aside), None) if _now() >= self._aside_until else None
        return frozenset(self._aside.keys() - {turn})

    @property
    def last(self) -> Set[int]:
        """The refused cases that may take a free place only if no other case can: one creation is tried at a time."""
        return frozenset(self._aside) if self._closed else frozenset()

    def permitted(self, actions: Sequence[Action]) -> tuple[Action, ...]:
        """Return the actions without creations while the gate is closed.

        One creation is left in when it is time to try again, and as many as were freed since the last try.
        """
        if not self._closed:
            return tuple(actions)
        creations = [action for action in actions if isinstance(action, CreateCase | StartAttempt)]
        others = tuple(action for action in actions if not isinstance(action, CreateCase | StartAttempt))
        if _now() < self._until and not self._freed:
            return others
        creations.sort(key=lambda action: _index(action) in self._aside)
        return (*others, *creations[: max(self._freed, 1)])

    def until_retry(self) -> tuple[float | None, bool]:
        """Return the seconds until the first of what waited at `look` is due, None if nothing; and whether all wait."""
        now = _now()
        looked_at = now if self._looked_at is None else self._looked_at
        if self._closed and self._until > looked_at:
            return max(self._until - now, 0.0), True
        times = [pause.until for pause in self._paused.values()]
        times += [self._aside_until] if self._aside else []
        times += [one.sent_at + _SILENT for one in self._under_way.values()]
        waits = [time for time in times if time > looked_at]
        return (max(min(waits) - now, 0.0) if waits else None), False

    @contextmanager
    def attempt(self, index: int) -> Iterator[Attempt | None]:
        """Give the attempt to create a case; None if the gate was closed since it was planned."""
        asked = any(one.number == self._number for one in self._under_way.values())
        if self._closed and not self._freed and (asked or _now() < self._until):
            yield None
            return
        one = self._under_way[index] = Attempt(index, self._number, _now())
        try:
            yield one
        finally:
            self._under_way.pop(index, None)

    def created(self, index: int) -> None:
        """Take note that the Job of a case was created, or is there already."""
        self._created.add(index)

    def take_created(self) -> Set[int]:
        """Return the cases whose Job was created since the last call."""
        found, self._created = self._created, set()
        return found

    def freed(self, number: int) -> None:
        """Take note that this many Jobs or pods have ended or gone, which may have made room in a quota."""
        self._freed += number
        self._times = 0

    def room_made(self, at: datetime) -> None:
        """Take note that finished Jobs or pods were deleted for a quota that counts them."""
        if self._refusal and self._refusal.counts_objects:
            self._refusal = replace(self._refusal, room_made_at=at, rooms_made=self._refusal.rooms_made + 1)

    def accepted(self, one: Attempt) -> None:
        """Take note that a pod was created, or a Job that gets none now."""
        self._paused.pop(one.index, None)
        self._freed = 0
        self._errors, self._errors_since, self._invalid = 0, None, _Row()
        current = one.number == self._number
        if self._aside.pop(one.index, None) and current:
            # What was wrong with it is mended, perhaps for the others too.
            self._aside.clear()
        if self._closed and not current:
            return  # Sent before the refusal.
        if self._closed:
            self._closed, self._until, self._times = False, _NEVER, 0
            self._aside_until, self._aside_times = _NEVER, 0
        self._say_what_is_left()

    def refused(self, one: Attempt, refusal: Refusal) -> None:
        """Take note that the API server does not take a Job or a pod."""
        self._paused.pop(one.index, None)
        self._freed = 0
        alone = one.index in self._aside and not self._closed
        if refusal.invalid:
            self._aside[one.index] = refusal
            self._aside.move_to_end(one.index)
            row = self._invalid = self._invalid.plus(one, _now())
            lasted = row.until - row.since >= self._refusal_seconds
            refusal = replace(refusal, lasted=lasted, others=len(row.cases) > 1, alone=alone)
        else:
            self._invalid = _Row()
        if alone:
            self._aside_until = _now() + _delay(self._aside_times)
            self._aside_times += 1
        elif one.number == self._number:
            self._close()
        self._say(refusal)

    def failed(self, one: Attempt, trouble: Refusal, retry_after: float | None) -> None:
        """Take note that a creation was not answered, or with an error that may be gone in a moment."""
        before = self._paused.get(one.index)
        times, since = (before.times, before.since) if before else (0, one.sent_at)
        delay = max(_delay(times), min(retry_after or 0.0, _DELAYS[-1]))
        pause = self._paused[one.index] = Pause(_now() + delay, times + 1, since, trouble)
        self._invalid = _Row()
        self._errors += 1
        self._errors_since = one.sent_at if self._errors_since is None else self._errors_since
        if one.number == self._number and (self._closed or self._errors >= _BURST):
            self._close()
        if _now() - self._errors_since >= _LASTING:
            self._say(trouble)
        elif pause.is_lasting(_now()) and not self._closed:
            self._say(replace(trouble, alone=True))

    def _lasting_error(self) -> Refusal | None:
        """Return the last error of a case that meets nothing else: of the one that is named already, if there is."""
        lasting = {index: pause.last for index, pause in self._paused.items() if pause.is_lasting(_now())}
        if self._refusal and self._refusal.index in lasting:
            return lasting[self._refusal.index]
        return next(iter(lasting.values()), None)

    def _close(self) -> None:
        """Close, for longer each time in a row; of a burst of refusals the first counts."""
        self._closed = True
        self._number += 1
        self._until = self._aside_until = _now() + _delay(self._times)
        self._times += 1
        self._aside_times = self._times

    def _say_what_is_left(self) -> None:
        """Name a case that still waits by itself while the others go on, if there is one."""
        held = next(iter(self._aside.values()), None) or self._lasting_error()
        self._refusal = replace(held, alone=True, lasted=False) if held else None

    def _say(self, refusal: Refusal) -> None:
        """Keep naming the same case while it is refused in the same way: another one each time would be no news."""
        known = self._refusal
        alike = known and (known.kind, known.invalid, known.unavailable) == (
            refusal.kind,
            refusal.invalid,
            refusal.unavailable,
        )
        if (
            known
            and alike
            and known.index != refusal.index
            and (known.index in self._aside or known.index in self._paused)
        ):
            refusal = replace(known, lasted=refusal.lasted, others=refusal.others, alone=refusal.alone)
        made = (known.room_made_at, known.rooms_made) if known else (None, 0)
        self._refusal = replace(refusal, room_made_at=made[0], rooms_made=made[1])


def _index(action: CreateCase | StartAttempt) -> int:
    return action.index if isinstance(action, CreateCase) else action.job.index


def _delay(times: int) -> float:
    return _DELAYS[min(times, len(_DELAYS) - 1)]


def _now() -> float:
    return asyncio.get_running_loop().time()
