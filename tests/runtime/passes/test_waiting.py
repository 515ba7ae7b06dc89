"""A job waits for cases that are not available yet: for a table, for its correction, for the end of another job."""

import asyncio
import itertools
from collections.abc import Callable
from typing import Any

import pytest
from simjob.api import names
from worlds.oneoperator import OneOperator
from worlds.virtualtime import VirtualTimeLoop

LOOP = VirtualTimeLoop
IN_A_TABLE: dict[str, Any] = {"cases": {"configMap": {"name": "table", "key": "t.csv"}}}
WRONG, RIGHT = "mesh,re\na\n", "mesh,re\na,1\n"


@pytest.fixture(autouse=True)
def no_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Virtual time knows no threads."""

    async def at_once(work: Callable[..., Any], *arguments: Any) -> Any:
        return work(*arguments)

    monkeypatch.setattr(asyncio, "to_thread", at_once)


class Sweeps(OneOperator):
    """One operator with a table and sweeps by name."""

    def put_table(self, text: str) -> None:
        if any(self.cluster.objects("configmaps")):
            self.cluster.remove("configmaps", "default", "table")
        self.cluster.put_config_map("default", "table", {"t.csv": text})

    def reason(self, name: str) -> tuple[str, str]:
        raw = next(raw for raw in self.cluster.objects(names.PLURAL) if raw["metadata"]["name"] == name)
        return raw["status"]["phase"], raw["status"]["reason"]

    def of(self, name: str) -> list[str]:
        return [pod for pod in self.pods() if pod.startswith(f"{name}-")]


async def test_a_table_that_is_corrected_in_place_runs_within_fifteen_seconds() -> None:
    one = Sweeps()
    one.put_table(WRONG)
    async with one.operator():
        one.submit("sweep", **IN_A_TABLE)
        await asyncio.sleep(600)
        assert one.reason("sweep") == ("PENDING", "CasesUnreadable")
        one.put_table(RIGHT)
        await asyncio.sleep(16)
        assert len(one.of("sweep")) == 1
    looks = one.times("get_config_map")
    assert [round(later - sooner) for sooner, later in itertools.pairwise(looks)][:5] == [2, 4, 8, 15, 15]


async def test_a_table_edited_but_still_wrong_is_read_again_sooner() -> None:
    one = Sweeps()
    one.put_table(WRONG)
    async with one.operator():
        one.submit("sweep", **IN_A_TABLE)
        await asyncio.sleep(60)
        one.put_table("mesh,re\na\nb\n")
        await asyncio.sleep(15)
        before = len(one.times("get_config_map"))
        await asyncio.sleep(4)
        assert len(one.times("get_config_map")) > before
        assert "line 3" in one.status["message"]


async def test_a_waiting_job_is_cancelled_at_once() -> None:
    one = Sweeps()
    one.put_table(WRONG)
    async with one.operator():
        one.submit("sweep", **IN_A_TABLE)
        await asyncio.sleep(60)
        await one.patch(cancel=True)
        await asyncio.sleep(0.1)
        assert one.reason("sweep") == ("CANCELLED", "Cancelled")
        looks = len(one.times("get_config_map"))
        one.put_table(RIGHT)
        await asyncio.sleep(60)
        assert (one.of("sweep"), len(one.times("get_config_map"))) == ([], looks)


async def test_a_rerun_applied_with_the_cancel_waits_for_its_end() -> None:
    """The rerun is applied first."""
    one = Sweeps()
    async with one.operator():
        one.submit("old", cases={"count": 3}, parallelism=2)
        await asyncio.sleep(5)
        one.submit("new", cases=None, rerunOf={"name": "old"})
        await asyncio.sleep(1.5)
        assert one.reason("new") == ("PENDING", "RerunOfNotFinished")
        one.submit("old", cases={"count": 3}, parallelism=2, cancel=True)
        await asyncio.sleep(4)
        assert one.reason("old")[0] == "CANCELLED"
        assert len(one.of("new")) == 3


async def test_a_rerun_of_a_missing_job_waits_for_it() -> None:
    one = Sweeps()
    async with one.operator():
        one.submit("new", cases=None, rerunOf={"name": "old"})
        await asyncio.sleep(30)
        assert one.reason("new") == ("PENDING", "RerunOfNotFound")
        one.submit("old", cases={"count": 2}, cancel=True)
        await asyncio.sleep(16)
        assert len(one.of("new")) == 2
