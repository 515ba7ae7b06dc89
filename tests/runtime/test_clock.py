from datetime import datetime, timedelta
from email.utils import format_datetime

import pytest
from builders import NOW
from simjob.runtime.clock import ServerClock


class Machine:
    """A machine whose clock is wrong by `skew`, and an API server whose clock is right."""

    def __init__(self, skew: timedelta = timedelta()) -> None:
        self.passed = 0.0
        self.skew = skew
        self.clock = ServerClock(lambda: 5000 + self.passed, lambda: self.right + self.skew)

    @property
    def right(self) -> datetime:
        return NOW + timedelta(seconds=self.passed)

    @property
    def error(self) -> float:
        return abs((self.clock.now() - self.right).total_seconds())

    def ask(self, there: float = 0.01, back: float = 0.01) -> None:
        sent = self.clock.start()
        self.passed += there
        date = format_datetime(self.right.replace(microsecond=0), usegmt=True)
        self.passed += back
        self.clock.answered(sent, date)


def test_before_the_first_answer_it_is_the_machines_own() -> None:
    machine = Machine(skew=timedelta(hours=1))
    assert machine.clock.now() == NOW + timedelta(hours=1)
    machine.passed += 5
    assert machine.clock.now() == NOW + timedelta(hours=1, seconds=5)


@pytest.mark.parametrize("skew", [timedelta(), timedelta(hours=1), timedelta(days=-400)])
def test_one_answer_tells_the_time_to_a_second_and_more_tell_it_better(skew: timedelta) -> None:
    machine = Machine(skew)
    machine.ask()
    assert machine.error <= 0.52
    for _ in range(50):
        machine.passed += 0.13
        machine.ask()
    assert machine.error <= 0.1


def test_slow_answers_and_strange_dates_tell_nothing() -> None:
    machine = Machine(skew=timedelta(hours=1))
    machine.ask(there=20)
    for date in (None, "", "yesterday", "Fri, 99 Jan 2026 03:05:00 GMT"):
        machine.clock.answered(machine.clock.start(), date)
    assert machine.error == 3600


def test_an_api_server_whose_clock_is_set_is_followed_at_once() -> None:
    machine = Machine()
    machine.ask()
    machine.clock.answered(machine.clock.start(), format_datetime(machine.right + timedelta(hours=2), usegmt=True))
    assert machine.error == pytest.approx(7200, abs=1)
    machine.ask()
    assert machine.error <= 1


def test_it_goes_on_evenly_between_answers() -> None:
    machine = Machine()
    machine.ask()
    before = machine.clock.now()
    machine.passed += 3600
    assert machine.clock.now() - before == timedelta(hours=1)
