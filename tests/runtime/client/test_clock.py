from datetime import datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise

import pytest
from given.builders import NOW
from simjob.runtime.client.clock import ServerClock


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

    def ask(self, there: float = 0.01, back: float = 0.01, behind: float = 0) -> None:
        """Plays one answer, from an API server whose clock is `behind` by seconds."""
        sent = self.clock.start()
        self.passed += there
        date = format_datetime((self.right - timedelta(seconds=behind)).replace(microsecond=0), usegmt=True)
        self.passed += back
        self.clock.answered(sent, date)


def test_before_the_first_answer_the_local_clock_is_used() -> None:
    machine = Machine(skew=timedelta(hours=1))
    assert machine.clock.now() == NOW + timedelta(hours=1)
    machine.passed += 5
    assert machine.clock.now() == NOW + timedelta(hours=1, seconds=5)


@pytest.mark.parametrize("skew", [timedelta(), timedelta(hours=1), timedelta(days=-400)])
def test_more_answers_make_the_clock_more_precise(skew: timedelta) -> None:
    machine = Machine(skew)
    machine.ask()
    assert machine.error <= 0.52
    for _ in range(50):
        machine.passed += 0.13
        machine.ask()
    assert machine.error <= 0.1


def test_slow_answers_and_invalid_dates_are_ignored() -> None:
    machine = Machine(skew=timedelta(hours=1))
    machine.ask(there=20)
    for date in (None, "", "yesterday", "Fri, 99 Jan 2026 03:05:00 GMT"):
        machine.clock.answered(machine.clock.start(), date)
    assert machine.error == 3600


@pytest.mark.parametrize("idle", [0.0, 3600.0])
@pytest.mark.parametrize("behind", [-7200.0, 7200.0])
def test_a_clock_step_is_followed_after_a_minute_of_consistent_answers(behind: float, idle: float) -> None:
    machine = Machine()
    machine.ask()
    machine.passed += idle
    for _ in range(58):
        machine.passed += 1
        machine.ask(behind=behind)
    assert machine.error < 1
    for _ in range(4):
        machine.passed += 1
        machine.ask(behind=behind)
    assert machine.error == pytest.approx(7200, abs=1)


@pytest.mark.parametrize("wrong_first", [False, True])
@pytest.mark.parametrize("behind", [-3600.0, -90.0, 90.0, 3600.0])
def test_among_differing_api_servers_the_one_nearest_the_local_clock_counts(behind: float, wrong_first: bool) -> None:
    machine = Machine(skew=timedelta(seconds=5))
    for turn in range(400):
        machine.passed += 1
        machine.ask(behind=behind if turn % 2 == (not wrong_first) else 0)
        if turn > 0:
            assert machine.error < 1


def test_the_clock_runs_evenly_between_answers() -> None:
    machine = Machine()
    machine.ask()
    before = machine.clock.now()
    machine.passed += 3600
    assert machine.clock.now() - before == timedelta(hours=1)


@pytest.mark.parametrize("behind", [0.4, 3, 50])
def test_differing_api_servers_cause_no_jump_and_time_never_goes_back(behind: float) -> None:
    machine = Machine()
    machine.ask()
    times = []
    for turn in range(400):
        machine.passed += 0.25
        machine.ask(behind=behind if turn % 2 else 0)
        times.append(machine.clock.now())
    steps = [(after - before).total_seconds() for before, after in pairwise(times)]
    assert min(steps) > 0
    assert max(steps) <= 1.5
    assert machine.error <= 0.6, "the one that is ahead counts"


def test_time_slows_down_when_a_fast_api_server_leaves() -> None:
    machine = Machine()
    machine.ask()
    before = machine.clock.now()
    for _ in range(100):
        machine.passed += 1
        machine.ask(behind=10)
        now = machine.clock.now()
        assert now > before
        before = now
    assert (machine.right - now).total_seconds() == pytest.approx(10, abs=1)
