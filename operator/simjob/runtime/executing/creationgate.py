"""Decide which cases of one job may be created now, after rejected and failed creations.

A rejection closes the gate for all cases. Then one creation at a time is tried, with growing pauses and another case
first, until one is accepted. A case that the API server's validation rejects is set aside when the others continue; it
is retried on its own, and dropped when it has an outcome. A missing response or a server error delays only its own
case, unless many occur in a row. All times are the event loop's, which does not jump as a wall clock may.
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
# This many server errors in a row, with no accepted creation in between, close the gate.
_BURST: Final = 8
# Seconds of server errors before the status shows them.
_LASTING: Final = 3.0
# Seconds after the end of its pause until a case that is not retried is dropped.
_STALE: Final = 60.0
# Seconds without a rejection by validation, after which the next one starts a new row.
_PAUSE: Final = 3 * _DELAYS[-1]
# Seconds until the status shows a creation without a response. The API server's default timeout of a webhook is 10 s,
# and its own error message says more.
_SILENT: Final = 11.0
_NEVER: Final = float("-inf")


@dataclass(frozen=True, slots=True)
class Attempt:
    """A creation that was sent. `number` counts how often the gate had been closed before."""

    index: int
    number: int
    sent_at: float


@dataclass(frozen=True, slots=True)
class Pause:
    """Errors in a row when one case is created: their number, the start, the last one, and the end of the pause."""

    until: float
    times: int
    since: float
    last: Refusal

    def is_lasting(self, now: float) -> bool:
        """Return whether the case has had only errors for at least three seconds."""
        return now - self.since >= _LASTING


@dataclass(frozen=True, slots=True)
class _Row:
    """Rejections by validation in a row: their cases, the time of the first, the time of the last."""

    cases: frozenset[int] = frozenset()
    since: float = _NEVER
    until: float = _NEVER

    def plus(self, one: Attempt, now: float) -> "_Row":
        """Return the row with one more rejection, or a new row if the last one is too long ago."""
        if one.sent_at - self.until > _PAUSE:
            return _Row(frozenset({one.index}), now, now)
        return _Row(self.cases | {one.index}, self.since, now)


class Gate:
    """The gate of one job. A rejection by validation that repeats for `refusal_seconds` counts as lasting."""

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
        """Start a plan. `until_retry` then includes pauses that end while the plan is carried out.

        `over` are cases that are not created any more. They are dropped.
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
        """Return the problem with creations to show in the status; None while they succeed."""
        if self._refusal is not None:
            return self._refusal
        slow = next((one for one in self._under_way.values() if _now() - one.sent_at >= _SILENT), None)
        if slow is None:
            return None
        message = f"the API server has not responded for {_SILENT:.0f} s; check its admission webhooks"
        return Refusal(index=slow.index, kind="Job or Pod", message=message, unavailable=True)

    @property
    def under_way(self) -> Set[int]:
        """Return the cases whose creation has no response yet or failed with an error. Their pods may exist."""
        now = _now()
        return frozenset(self._under_way) | {index for index, pause in self._paused.items() if pause.until > now}

    @property
    def waiting(self) -> Set[int]:
        """Return the rejected cases that may not be tried now, although others may."""
        turn = next(iter(self._aside), None) if _now() >= self._aside_until else None
        return frozenset(self._aside.keys() - {turn})

    @property
    def last(self) -> Set[int]:
        """Return the rejected cases to try last while the gate is closed and creations are tried one at a time."""
        return frozenset(self._aside) if self._closed else frozenset()

    def permitted(self, actions: Sequence[Action]) -> tuple[Action, ...]:
        """Return the actions that may be carried out now. While the gate is closed, leave out creations.

        Keep one creation if the pause is over, or one for each Job or pod that has ended since the last try.
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
        """Return the seconds until the first pause that ran at `look` ends (None: no pause), and if all cases wait."""
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
        """Give the attempt to create a case; None if the gate has closed since the creation was planned."""
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
        """Record that the Job of a case was created or existed already."""
        self._created.add(index)

    def take_created(self) -> Set[int]:
        """Return the cases whose Job was created since the last call."""
        found, self._created = self._created, set()
        return found

    def freed(self, number: int) -> None:
        """Record that this many Jobs or pods have ended or were deleted, which may have made room in a quota."""
        self._freed += number
        self._times = 0

    def room_made(self, at: datetime) -> None:
        """Record that finished Jobs or pods were deleted to make room in a quota that counts them."""
        if self._refusal and self._refusal.counts_objects:
            self._refusal = replace(self._refusal, room_made_at=at, rooms_made=self._refusal.rooms_made + 1)

    def accepted(self, one: Attempt) -> None:
        """Record that a pod was created, or a Job that gets no pod now."""
        self._paused.pop(one.index, None)
        self._freed = 0
        self._errors, self._errors_since, self._invalid = 0, None, _Row()
        current = one.number == self._number
        if self._aside.pop(one.index, None) and current:
            # The cause is fixed, perhaps for the other cases too.
            self._aside.clear()
        if self._closed and not current:
            return  # It was sent before the rejection.
        if self._closed:
            self._closed, self._until, self._times = False, _NEVER, 0
            self._aside_until, self._aside_times = _NEVER, 0
        self._say_what_is_left()

    def refused(self, one: Attempt, refusal: Refusal) -> None:
        """Record that the API server rejects the Job or the pod of a case."""
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
        """Record that a creation got no response, or an error that may pass soon. `retry_after` is in seconds."""
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
        """Return the last error of a case that has only errors, first of the case that the status names already."""
        lasting = {index: pause.last for index, pause in self._paused.items() if pause.is_lasting(_now())}
        if self._refusal and self._refusal.index in lasting:
            return lasting[self._refusal.index]
        return next(iter(lasting.values()), None)

    def _close(self) -> None:
        """Close the gate, longer each time in a row. Only the first rejection of a burst counts."""
        self._closed = True
        self._number += 1
        self._until = self._aside_until = _now() + _delay(self._times)
        self._times += 1
        self._aside_times = self._times

    def _say_what_is_left(self) -> None:
        """Report a case that still waits while the others continue, if there is one."""
        held = next(iter(self._aside.values()), None) or self._lasting_error()
        self._refusal = replace(held, alone=True, lasted=False) if held else None

    def _say(self, refusal: Refusal) -> None:
        """Report a rejection. Keep naming the same case while the kind of rejection is the same.

        Naming another case each time would write a new status without news.
        """
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
