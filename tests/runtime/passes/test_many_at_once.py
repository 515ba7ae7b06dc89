"""Many sweeps are ended at once: the first deletions of each are immediate, whatever the others have to stop."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pytest
from simjob.api.simulationjob import SimulationJob
from simjob.core import planner
from simjob.core.facts.pods import PodFact
from simjob.core.observed.children import Observed
from simjob.core.plan import Plan
from simjob.runtime.cluster.calls import StoredJob
from worlds.oneoperator import OneOperator
from worlds.virtualtime import VirtualTimeLoop

LOOP = VirtualTimeLoop
SWEEPS = 30
CASES = 40


async def started(one: OneOperator, sweeps: int) -> None:
    """Submit sweeps, and wait until all pods exist."""
    for index in range(sweeps):
        one.submit(f"sweep{index}", cases={"count": CASES}, parallelism=CASES)
    await asyncio.sleep(20)


def end_all(one: OneOperator, sweeps: int, *, deleted: bool) -> None:
    """Delete or cancel the sweeps."""
    for index in range(sweeps):
        if deleted:
            one.cluster.remove("simulationjobs", "default", f"sweep{index}")
        else:
            one.submit(f"sweep{index}", cancel=True)


@pytest.mark.parametrize("deleted", [False, True])
async def test_each_of_thirty_sweeps_has_its_first_pod_stopped_within_a_second(deleted: bool) -> None:
    one = OneOperator()
    delete, first, loop = one.cluster.delete_pod, dict[str, float](), asyncio.get_running_loop()

    async def slow_delete(namespace: str, name: str, uid: str) -> PodFact | None:
        first.setdefault(name.split("-")[0], loop.time())
        await asyncio.sleep(0.3)
        return await delete(namespace, name, uid)

    one.cluster.delete_pod = slow_delete  # type: ignore[method-assign]
    async with one.operator():
        await started(one, SWEEPS)
        assert len(one.pods()) == SWEEPS * CASES
        asked = loop.time()
        end_all(one, SWEEPS, deleted=deleted)
        await asyncio.sleep(1)
        assert {name: at - asked for name, at in first.items() if at - asked >= 1} == {}
        assert len(first) == SWEEPS
        assert one.pods() != [], "there was more to stop than a second is enough for"


@pytest.mark.parametrize("deleted", [False, True])
async def test_a_sweep_goes_on_stopping_pods_when_each_other_sweep_has_had_its_first(deleted: bool) -> None:
    one = OneOperator()
    delete, patch, get = one.cluster.delete_pod, one.cluster.patch_simulationjob_status, one.cluster.get_job
    order: list[str] = []

    async def slow_delete(namespace: str, name: str, uid: str) -> PodFact | None:
        order.append(name.split("-")[0])
        await asyncio.sleep(0.3)
        return await delete(namespace, name, uid)

    async def slow_patch(namespace: str, name: str, resource_version: str, status: Mapping[str, Any]) -> str:
        await asyncio.sleep(0.05 * int(name.removeprefix("sweep")))
        return await patch(namespace, name, resource_version, status)

    async def slow_get(namespace: str, name: str) -> StoredJob:
        await asyncio.sleep(0.05 * int(name.split("-")[0].removeprefix("sweep")))
        return await get(namespace, name)

    async with one.operator():
        await started(one, 10)
        one.cluster.delete_pod = slow_delete  # type: ignore[method-assign]
        one.cluster.patch_simulationjob_status = slow_patch  # type: ignore[method-assign]
        one.cluster.get_job = slow_get  # type: ignore[method-assign]
        end_all(one, 10, deleted=deleted)
        await asyncio.sleep(2)
        last = max(order.index(f"sweep{index}") for index in range(10))
        assert max(Counter(order[:last]).values()) <= 2
        assert len(order) > 100, "afterwards many go at a time"


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Collect the names of the SimulationJobs whose cases are judged, in their order."""
    found: list[str] = []
    judge = planner.plan

    def noting(job: SimulationJob, observed: Observed, now: datetime) -> Plan:
        found.append(job.metadata.name)
        return judge(job, observed, now)

    monkeypatch.setattr(planner, "plan", noting)
    return found


async def test_first_pods_of_ten_sweeps_are_stopped_before_cases_are_judged(
    judged: list[str],
) -> None:
    one = OneOperator()
    delete, stopped = one.cluster.delete_pod, Counter[str]()
    judged_before: dict[str, int] = {}

    async def slow_delete(namespace: str, name: str, uid: str) -> PodFact | None:
        sweep = name.split("-")[0]
        stopped[sweep] += 1
        judged_before.setdefault(sweep, len(judged))
        await asyncio.sleep(0.05)
        return await delete(namespace, name, uid)

    one.cluster.delete_pod = slow_delete  # type: ignore[method-assign]
    async with one.operator():
        await started(one, 10)
        judged.clear()
        end_all(one, 10, deleted=False)
        await asyncio.sleep(0.3)
        assert judged_before == {f"sweep{index}": 0 for index in range(10)}
        assert max(stopped.values()) <= 2 * min(stopped.values()), "each has its share of the deletions"


async def test_cancelled_cases_are_judged_at_most_once_a_second(judged: list[str]) -> None:
    one = OneOperator()
    async with one.operator():
        one.submit("sweep", cases={"count": CASES}, parallelism=CASES)
        await asyncio.sleep(20)
        one.run_pods()
        await asyncio.sleep(5)
        judged.clear()
        one.submit("sweep", cancel=True)
        for pod in one.pods():
            await asyncio.sleep(0.1)
            one.cluster.end_pod("default", pod, 143)
        await asyncio.sleep(0.5)
        assert one.status["phase"] == "CANCELLED", "the last end is judged at once"
        assert 2 <= len(judged) <= CASES // 10 + 2
