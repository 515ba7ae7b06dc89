"""Requests are bounded over all SimulationJobs and shared fairly, and a cancel waits for none of the others."""

import asyncio
from collections import Counter
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, cast

import aiohttp
import pytest
from simjob.runtime.client.connection import Connection
from simjob.runtime.client.key import Key
from simjob.runtime.client.requestbudget import Budget, Kind
from simjob.runtime.process.leaderelection import Elector
from simjob.runtime.process.settings import Settings
from worlds.virtualtime import VirtualTimeLoop

LOOP = VirtualTimeLoop

# The deployed operator's, and what the API server of two cores answers.
PLACES = 128
REQUESTS_PER_SECOND = 285


class Load:
    """Requests that take a second each, and how many are in flight."""

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.now: Counter[Kind] = Counter()
        self.most: Counter[Kind] = Counter()
        self.most_in_total = 0
        self.order: list[str] = []
        self.tasks: list[asyncio.Task[None]] = []

    def add(self, kind: Kind, name: str, number: int, seconds: float = 1.0) -> list[asyncio.Task[None]]:
        made = [asyncio.create_task(self._one(kind, Key("ns", name), seconds)) for _ in range(number)]
        self.tasks += made
        return made

    async def end(self) -> None:
        await asyncio.gather(*self.tasks)

    async def _one(self, kind: Kind, key: Key, seconds: float) -> None:
        async with self.budget.place(kind, key):
            self.order.append(key.uid)
            self.now[kind] += 1
            self.most[kind] = max(self.most[kind], self.now[kind])
            self.most_in_total = max(self.most_in_total, self.now.total())
            await asyncio.sleep(seconds)
            self.now[kind] -= 1


def with_deletions(most: int, *, places: int = PLACES) -> Budget:
    """Return a budget that allows this many deletions at a time from the start."""
    budget = Budget(places)
    budget.deletions.rested = lambda: None  # type: ignore[method-assign]
    budget.deletions.limit = float(most)
    return budget


async def test_concurrent_requests_are_limited_in_total_and_by_kind() -> None:
    load = Load(with_deletions(120))
    for index in range(20):
        for kind in Kind:
            load.add(kind, f"sweep-{index}", 40)
    await load.end()
    assert load.most_in_total == PLACES
    assert load.most[Kind.DELETION] == 120
    assert load.most[Kind.PROGRESS] == 32
    assert load.most[Kind.CREATION] == 16, "the limiter begins with few"
    assert load.most[Kind.HOUSEKEEPING] == 16


async def test_waiting_jobs_are_served_in_turn() -> None:
    load = Load(with_deletions(15, places=16))
    load.add(Kind.DELETION, "large", 1000)
    await asyncio.sleep(0.5)
    load.add(Kind.DELETION, "small", 30)
    load.add(Kind.DELETION, "other", 30)
    await asyncio.sleep(1)
    assert Counter(load.order[15:30]) == {"small": 5, "other": 5, "large": 5}
    for task in load.tasks:
        task.cancel()


async def test_a_job_that_is_stopping_waits_for_the_first_deletion_of_another() -> None:
    budget = with_deletions(120)
    load = Load(budget)
    with budget.first_deletion(Key("ns", "second")):
        load.add(Kind.DELETION, "first", 1000, seconds=0.1)
        await asyncio.sleep(0.35)
        assert Counter(load.order) == {"first": 4}, "one at a time"
        load.add(Kind.DELETION, "second", 1000, seconds=0.1)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert load.order[4] == "second"
        assert load.now[Kind.DELETION] == 120
    for task in load.tasks:
        task.cancel()


async def test_a_first_deletion_that_never_comes_delays_others_by_a_second_at_most() -> None:
    budget = with_deletions(120)
    load = Load(budget)
    with budget.first_deletion(Key("ns", "hanging")):
        load.add(Kind.DELETION, "first", 1000, seconds=10)
        await asyncio.sleep(0.9)
        assert load.now[Kind.DELETION] == 1
        await asyncio.sleep(0.2)
        assert load.now[Kind.DELETION] == 120
    for task in load.tasks:
        task.cancel()


async def test_other_deletions_go_on_when_a_stop_ends_without_one() -> None:
    budget = with_deletions(120)
    load = Load(budget)
    with budget.first_deletion(Key("ns", "gone already")):
        load.add(Kind.DELETION, "first", 1000)
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert load.now[Kind.DELETION] == 120
    for task in load.tasks:
        task.cancel()


async def test_a_job_with_hanging_requests_does_not_starve_others() -> None:
    budget = Budget(64)
    load = Load(budget)
    load.add(Kind.CREATION, "hanging", 200, seconds=30)
    await asyncio.sleep(1)
    others = load.add(Kind.CREATION, "working", 100, seconds=0.1)
    await asyncio.sleep(31)
    assert all(task.done() for task in others)
    for task in load.tasks:
        task.cancel()


async def test_deletions_and_status_writes_proceed_while_others_hang() -> None:
    load = Load(Budget(PLACES))
    for kind in (Kind.PROGRESS, Kind.CREATION, Kind.HOUSEKEEPING):
        load.add(kind, "hanging", 1000, seconds=60)
    await asyncio.sleep(1)
    deletions, writes = load.add(Kind.DELETION, "cancelled", 8), load.add(Kind.REQUEST, "cancelled", 16)
    await asyncio.sleep(1.5)
    assert all(task.done() for task in deletions + writes)
    for task in load.tasks:
        task.cancel()


async def test_hanging_deletions_do_not_delay_a_status_write() -> None:
    budget = Budget(PLACES)
    load = Load(budget)
    load.add(Kind.DELETION, "hanging", 1000, seconds=60)
    await asyncio.sleep(0)
    budget.deletions.limit = 120.0
    await asyncio.sleep(1)
    (write,) = load.add(Kind.REQUEST, "cancelled", 1, seconds=0.1)
    await asyncio.sleep(0.2)
    assert write.done()
    for task in load.tasks:
        task.cancel()


async def test_creations_get_as_many_slots_as_the_limiter_allows() -> None:
    budget = Budget(PLACES)
    load = Load(budget)
    budget.creations.limit = 40.0
    load.add(Kind.CREATION, "sweep", 100)
    await load.end()
    assert load.most[Kind.CREATION] == 40


@pytest.mark.parametrize("total", [1, 2, 4])
async def test_the_smallest_budget_serves_every_kind(total: int) -> None:
    load = Load(Budget(total))
    for kind in Kind:
        load.add(kind, "sweep", 3)
    await load.end()
    assert load.most_in_total <= total


async def test_a_cancelled_request_frees_its_slot() -> None:
    budget, key = Budget(1), Key("ns", "sweep")
    first = budget.place(Kind.DELETION, key)
    await first.__aenter__()
    waiting = [asyncio.create_task(budget.place(Kind.DELETION, key).__aenter__()) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    await first.__aexit__(None, None, None)
    waiting[1].cancel()  # It has been given the place already, and does not know yet.
    await asyncio.wait_for(waiting[2], 1)
    assert [task.cancelled() for task in waiting] == [True, True, False]


class SlowServer:
    """An aiohttp session whose API server handles a number of requests a second, one after the other."""

    def __init__(self, per_second: float) -> None:
        self._seconds = 1 / per_second
        self._free_at = 0.0
        self.answered: list[str] = []

    def request(self, method: str, url: Any, **_: Any) -> "SlowAnswer":
        now = asyncio.get_running_loop().time()
        self._free_at = max(now, self._free_at) + self._seconds
        return SlowAnswer(self, f"{method} {url.path}", self._free_at - now)


class SlowAnswer:
    """An answer that is some time away."""

    status = 200
    headers: dict[str, str] = {}  # noqa: RUF012

    def __init__(self, server: SlowServer, request: str, seconds: float) -> None:
        self._server = server
        self._request = request
        self._seconds = seconds

    async def __aenter__(self) -> "SlowAnswer":
        await asyncio.sleep(self._seconds)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.answered.append(self._request)

    async def read(self) -> bytes:
        return b'{"metadata": {"name": "simjob-operator", "namespace": "simjob-system", "resourceVersion": "1"}}'


def connected(server: SlowServer, budget: Budget) -> Connection:
    return Connection(cast("aiohttp.ClientSession", server), "http://api", budget)


async def delete(budget: Budget, connection: Connection, sweep: int) -> None:
    async with budget.place(Kind.DELETION, Key("ns", str(sweep))):
        await budget.deletions.timed(connection.request("DELETE", f"/sweep-{sweep}"))


async def test_a_leader_stays_the_leader_while_thousands_of_deletions_wait() -> None:
    server, budget, ends = SlowServer(REQUESTS_PER_SECOND), Budget(PLACES), list[int]()
    connection = connected(server, budget)
    elector = Elector(
        connected(server, Budget(1)),
        Settings(identity="a"),
        lambda: datetime(2026, 1, 1, tzinfo=UTC),
        monotonic=asyncio.get_running_loop().time,
        jitter=lambda: 0.0,
        end=ends.append,
    )
    election = asyncio.create_task(elector.run())
    await elector.acquired()
    deletions = [asyncio.create_task(delete(budget, connection, index % 18)) for index in range(4000)]
    for _ in range(13):
        await asyncio.sleep(1)
        assert elector.is_leader
    assert not all(task.done() for task in deletions), "it was under load all the time"
    await asyncio.gather(*deletions)
    assert ends == []
    election.cancel()
    await asyncio.gather(election, return_exceptions=True)
    await elector.release()


async def test_a_cancel_status_write_takes_under_a_second_amid_thousands_of_deletions() -> None:
    server, budget = SlowServer(REQUESTS_PER_SECOND), Budget(PLACES)
    connection = connected(server, budget)
    deletions = [asyncio.create_task(delete(budget, connection, index % 10)) for index in range(3000)]
    await asyncio.sleep(5)
    started = asyncio.get_running_loop().time()
    await connection.request("PATCH", "/status")
    assert asyncio.get_running_loop().time() - started < 1
    await asyncio.gather(*deletions)


async def test_each_of_ten_sweeps_gets_its_first_deletion_at_once() -> None:
    server, budget = SlowServer(REQUESTS_PER_SECOND), Budget(PLACES)
    connection = connected(server, budget)
    deletions = [asyncio.create_task(delete(budget, connection, index // 300)) for index in range(3000)]
    await asyncio.sleep(1)
    assert {f"DELETE /sweep-{index}" for index in range(10)} <= set(server.answered)
    before = len(server.answered)
    await asyncio.sleep(5)
    done = Counter(server.answered[before:])
    assert max(done.values()) - min(done.values()) <= 5
    await asyncio.gather(*deletions)


async def test_a_later_cancel_gets_its_first_deletion_within_a_second() -> None:
    server, budget = SlowServer(60), Budget(PLACES)
    connection, deletions = connected(server, budget), list[asyncio.Task[None]]()
    for sweep in range(10):
        deletions += [asyncio.create_task(delete(budget, connection, sweep)) for _ in range(200)]
        await asyncio.sleep(0.02)
    await asyncio.sleep(0.8)
    assert {f"DELETE /sweep-{index}" for index in range(10)} <= set(server.answered)
    for task in deletions:
        task.cancel()
