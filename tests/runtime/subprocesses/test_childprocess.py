"""Helpers are real processes here, as in production; other programs run in their place."""

import asyncio
import sys

import pytest
from simjob.core.cases.tableshards import Shard
from simjob.runtime.subprocesses import childprocess
from simjob.runtime.subprocesses.childprocess import HelperError, Helpers


def run(monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    """Have another program run in place of any helper."""
    monkeypatch.setattr(childprocess, "_command", lambda _: (sys.executable, "-c", program))


async def answered(request: bytes = b"") -> tuple[bytes, list[Shard]]:
    async with Helpers().asked("any", request) as answer:
        return await answer.line(), [shard async for shard in answer.shards()]


async def test_a_request_is_answered_line_by_line(monkeypatch: pytest.MonkeyPatch) -> None:
    run(monkeypatch, """import sys; print(len(sys.stdin.read())); print('{"first":3,"text":"{}"}'); print('null')""")
    assert await answered(b"four") == (b"4\n", [Shard(first=3, text="{}")])


async def test_a_process_that_exits_early_is_reported_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    run(monkeypatch, "raise SystemExit('out of memory')")
    with pytest.raises(HelperError, match="ended early with exit code 1: out of memory"):
        await answered()


async def test_an_incomplete_answer_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    program = """print('"digest"'); print('{"first":0,"text":"{}"}')"""
    run(monkeypatch, program)
    with pytest.raises(HelperError, match="ended early"):
        await answered()


@pytest.mark.parametrize(
    "bytes_of_warnings",
    [pytest.param(100_000, id="more than a pipe holds"), pytest.param(40_000_000, id="much more than is kept")],
)
async def test_many_warnings_do_not_block_the_answer(monkeypatch: pytest.MonkeyPatch, bytes_of_warnings: int) -> None:
    program = f"""import sys; sys.stderr.write("warning\\n" * {bytes_of_warnings // 8}); print("4"); print("null")"""
    run(monkeypatch, program)
    monkeypatch.setattr(childprocess, "_LONGEST", 20.0)
    assert await answered() == (b"4\n", [])


async def test_a_process_that_exits_early_after_many_warnings_is_reported_with_the_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    program = """import sys; sys.stderr.write("warning\\n" * 5_000_000); raise SystemExit("out of memory")"""
    run(monkeypatch, program)
    monkeypatch.setattr(childprocess, "_LONGEST", 20.0)
    with pytest.raises(HelperError, match="ended early with exit code 1: out of memory"):
        await answered()


async def test_cancelling_the_task_ends_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    run(monkeypatch, "import time; time.sleep(60)")
    task = asyncio.create_task(answered())
    await asyncio.sleep(0.2)
    task.cancel()
    await asyncio.wait([task], timeout=5)
    assert task.cancelled()


async def test_a_hanging_process_is_abandoned(monkeypatch: pytest.MonkeyPatch) -> None:
    run(monkeypatch, "import time; time.sleep(60)")
    monkeypatch.setattr(childprocess, "_LONGEST", 0.2)
    with pytest.raises(HelperError, match="did not finish within"):
        await answered()
