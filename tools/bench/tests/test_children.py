"""What the benchmark starts as a process of its own finds its modules there."""

from pathlib import Path

import pytest
from bench.children import Child


@pytest.mark.parametrize(
    "module", ["bench.observing.observer", "bench.systems.bareclient", "bench.systems.plain_operator"]
)
async def test_a_child_can_import_its_module(tmp_path: Path, module: str) -> None:
    log = tmp_path / "child.log"
    child = await Child.start("child", ("-c", f"import {module}"), log)
    assert await child.process.wait() == 0, log.read_text()
