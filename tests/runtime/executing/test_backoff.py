"""A call that always fails is never sent without pauses, whatever it is and however often the key is queued.

Counted are calls of the protocol `Cluster`; below it runtime/client/connection.py sends up to four requests for each
that the API server was too busy for.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import pytest
from given.builders import UID
from simjob.api import names
from simjob.runtime.client import errors
from simjob.runtime.client.key import Key
from simjob.runtime.executing.backoff import Backoffs
from worlds.fakerules import timestamp
from worlds.oneoperator import OneOperator
from worlds.virtualtime import VirtualTimeLoop

LOOP = VirtualTimeLoop
WITHIN: Final = 30.0
MOST: Final = 10
Deed = Callable[[OneOperator], Awaitable[None]]


def permanent(error: type[errors.ClusterError], code: int) -> list[Exception]:
    return [error("denied", code=code)] * 100_000


@dataclass(frozen=True, kw_only=True)
class Trial:
    """A job that runs, what then happens, and the call that fails from then on. `restarts`: a new operator meets it."""

    call: str
    deed: Deed
    spec: dict[str, Any] = field(default_factory=dict)
    restarts: bool = False


async def nothing(one: OneOperator) -> None:
    """Do nothing to the sweep."""


async def run_pods(one: OneOperator) -> None:
    one.run_pods(startTime=timestamp(one.clock()))


async def succeed(one: OneOperator) -> None:
    for name in one.pods():
        one.cluster.end_pod("default", name, 0, '{"drag": 1}')


async def fail(one: OneOperator) -> None:
    for name in one.pods():
        one.cluster.end_pod("default", name, 1)


async def cancel(one: OneOperator) -> None:
    await one.patch(cancel=True)


async def cancel_running(one: OneOperator) -> None:
    await run_pods(one)
    await one.patch(cancel=True)


async def cancel_first(one: OneOperator) -> None:
    await one.patch(cancelCases="0")


async def suspend_running(one: OneOperator) -> None:
    await run_pods(one)
    await one.patch(suspend=True)


async def lose_jobs(one: OneOperator) -> None:
    for plural in ("jobs", "pods"):
        for raw in list(one.cluster.objects(plural)):
            one.cluster.remove(plural, "default", raw["metadata"]["name"])


async def write_table(one: OneOperator) -> None:
    one.cluster.put_config_map("default", "table", {"cases.csv": "a\n1\n"})


async def remove_simulationjob(one: OneOperator) -> None:
    one.cluster.remove(names.PLURAL, "default", "sweep")


STATUS: Final = "patch_simulationjob_status"
TABLE: Final = {"cases": {"configMap": {"name": "table", "key": "cases.csv"}}}
TRIALS: Final = {
    "status of a running job": Trial(call=STATUS, deed=run_pods),
    "latch of a cancel": Trial(call=STATUS, deed=cancel_running),
    "latch of cancelCases": Trial(call=STATUS, deed=cancel_first, spec={"cases": {"count": 2}}),
    "end of a sweep that failed": Trial(call=STATUS, deed=fail),
    "end of a sweep that took too long": Trial(call=STATUS, deed=nothing, spec={"timeouts": {"totalSeconds": 5}}),
    "where the cases are": Trial(call=STATUS, deed=write_table, spec=TABLE),
    "higher number of restarts": Trial(call=STATUS, deed=lose_jobs),
    "suspension": Trial(call=STATUS, deed=suspend_running),
    "new shard of results": Trial(call="create_config_map", deed=succeed, spec={"cases": {"count": 2}}),
    "read of the last shard": Trial(call="get_config_map", deed=succeed, spec={"cases": {"count": 2}}),
    "proof that nothing is live": Trial(call="list_pods", deed=cancel),
    "proof that some cases have stopped": Trial(call="list_pods", deed=cancel_first, spec={"cases": {"count": 2}}),
    "pod of a cancel": Trial(call="delete_pod", deed=cancel_running),
    "pod of a suspension": Trial(call="delete_pod", deed=suspend_running),
    "Job of history": Trial(call="delete_job", deed=succeed, spec={"history": {"succeededCases": 0}}),
    "Job of a cancelled case": Trial(call="delete_job", deed=cancel),
    "pod of a SimulationJob that is gone": Trial(call="delete_pod", deed=remove_simulationjob),
    "Job of a SimulationJob that is gone": Trial(call="delete_job", deed=remove_simulationjob),
    "end of a Job": Trial(call="write_job_status", deed=succeed),
    "count of an attempt": Trial(call="annotate_job", deed=fail, spec={"retries": {"limit": 3}}),
    "deadline of a running pod": Trial(call="limit_pod", deed=run_pods, spec={"timeouts": {"runSeconds": 600}}),
    "expiry": Trial(call="delete_simulationjob", deed=succeed, spec={"ttlSecondsAfterFinished": 1}),
    "Job of a case": Trial(call="create_job", deed=succeed, spec={"cases": {"count": 2}, "parallelism": 1}),
    "pod of a case": Trial(call="create_pod", deed=succeed, spec={"cases": {"count": 2}, "parallelism": 1}),
    "pod of a retry": Trial(call="create_pod", deed=fail, spec={"retries": {"limit": 3}}),
    "ConfigMap of cases": Trial(call="create_config_map", deed=write_table, spec=TABLE),
    "Jobs after a restart": Trial(call="list_jobs", deed=nothing, restarts=True),
    "pods after a restart": Trial(call="list_pods", deed=nothing, restarts=True),
}
# 413 and 400 are the same errors as 422, and 429 is the same as 500: tests/runtime/client/test_connection.py.
ANSWERS: Final = {
    "403": permanent(errors.ForbiddenError, 403),
    "404": permanent(errors.NotFoundError, 404),
    "409": permanent(errors.ConflictError, 409),
    "422": permanent(errors.InvalidError, 422),
    "500": permanent(errors.UnavailableError, 500),
}


@asynccontextmanager
async def woken(one: OneOperator) -> AsyncIterator[None]:
    """Wake the job ten times a second, as the events of a busy sweep do."""

    async def wake() -> None:
        while True:
            one.queue.add_urgent(Key("default", UID))
            await asyncio.sleep(0.1)

    task = asyncio.create_task(wake())
    try:
        yield
    finally:
        task.cancel()


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("trial", TRIALS.values(), ids=TRIALS)
async def test_a_failing_call_is_sent_at_most_ten_times_in_thirty_seconds(
    one: OneOperator, trial: Trial, answer: str
) -> None:
    one.apply(**{"cases": {"count": 1}, **trial.spec})
    async with one.operator():
        await asyncio.sleep(2)
        if not trial.restarts:
            one.cluster.refuse(trial.call, *ANSWERS[answer])
            one.calls.clear()
            await sent_with_pauses(one, trial)
    if trial.restarts:
        one.cluster.refuse(trial.call, *ANSWERS[answer])
        one.calls.clear()
        async with one.operator():
            await sent_with_pauses(one, trial)


async def sent_with_pauses(one: OneOperator, trial: Trial) -> None:
    async with woken(one):
        await trial.deed(one)
        await asyncio.sleep(WITHIN)
        times = one.times(trial.call)
        assert 1 <= len(times) <= MOST, f"{trial.call} at {times}"


def a_backoff() -> Backoffs:
    return Backoffs(lambda failures: float(2**failures))


async def test_the_back_off_grows_with_each_failure_and_resets_on_success() -> None:
    calls = a_backoff()
    for wait in (1, 2, 4):
        calls.failed("a")
        assert calls.until_next() == wait
        assert (calls.holds("a"), calls.holds("b")) == (True, False)
        await asyncio.sleep(wait)
        assert not calls.holds("a")
    calls.worked("a")
    assert (calls.failures("a"), calls.until_next()) == (0, None)


async def test_the_first_conflict_is_retried_at_once() -> None:
    calls = a_backoff()
    calls.failed("a", at_once=True)
    assert not calls.holds("a")
    calls.failed("a", at_once=True)
    assert calls.until_next() == 1


async def test_a_backoff_that_held_a_call_and_ends_before_the_pass_does_asks_for_another_pass() -> None:
    calls = a_backoff()
    calls.failed("a")
    await asyncio.sleep(0.9996)
    assert calls.holds("a")
    await asyncio.sleep(0.0006)
    assert calls.end_pass() == 0
    assert calls.end_pass() is None, "the next pass may make the call"


async def test_a_call_that_was_held_at_the_start_of_a_very_long_pass_is_not_forgotten() -> None:
    calls = a_backoff()
    calls.failed("a")
    assert calls.holds("a")
    await asyncio.sleep(100)
    assert calls.end_pass() == 0


async def test_a_call_that_is_not_retried_is_forgotten() -> None:
    calls = a_backoff()
    calls.failed("a")
    await asyncio.sleep(100)
    assert calls.until_next() is None
    assert calls.failures("a") == 0
