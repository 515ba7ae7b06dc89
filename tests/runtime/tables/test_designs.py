"""Designs are drawn by a real process here, as in production."""

import asyncio
import json
import sys
from typing import Any

import numpy as np
import pytest
from simjob.api.sweep.ranges import Ranges
from simjob.api.sweep.samples import Method, Samples
from simjob.core.cases import tableshards
from simjob.runtime.subprocesses import sampler
from simjob.runtime.subprocesses.childprocess import Helpers
from simjob.runtime.tables.designs import Designs


def a_design(method: str = "Sobol", size: int = 3, dimensions: int = 2) -> Samples:
    parameters = [{"name": f"p{number}", "min": 0, "max": 1} for number in range(dimensions)]
    return Samples.model_validate({"method": method, "size": size, "parameters": parameters})


async def drawn(samples: Samples, seed: int = 1, indexes: Ranges | None = None) -> tuple[str, list[Any]]:
    async with Designs(Helpers()).drawn(samples, seed, indexes or Ranges.span(samples.size)) as (digest, shards):
        return digest, [json.loads(line) async for shard in shards for line in tableshards.lines(shard.text)]


async def test_a_design_is_drawn_in_a_separate_process_without_importing_scipy_here() -> None:
    code = "import sys, simjob.__main__; print({'scipy', 'numpy', 'duckdb'} & {*sys.modules})"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    assert output == b"set()\n"
    _, rows = await drawn(a_design())
    assert [row["index"] for row in rows] == [0, 1, 2]
    assert all(0 <= value <= 1 for row in rows for value in row["parameters"].values())


async def test_a_subset_of_a_design_has_the_same_points_and_another_digest() -> None:
    whole, rows = await drawn(a_design())
    some, few = await drawn(a_design(), indexes=Ranges.parse("0,2"))
    assert few == [rows[0], rows[2]]
    assert whole != some


@pytest.mark.parametrize("method", Method)
def test_the_seed_decides_the_points(method: str) -> None:
    samples = a_design(method, size=5)
    one, same, other = (sampler.draw(samples, seed) for seed in (1, 1, 2))
    assert one.shape == (5, 2)
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)
